//! The tables, and the file for other programs.

use std::fmt::Write as _;

use crate::engines::Engine;
use crate::measure::{Row, Status};
use crate::time::{Clock, Time};

/// Prints a table for run times and one for compile times.
pub fn print(rows: &[Row], engines: &[&Engine], clock: Clock) {
    table("Run", rows, engines, clock, |_, run| run);
    table("Compile", rows, engines, clock, |compile, _| compile);
}

/// Prints the reference's times in milliseconds and the ratios of the others to them, with geometric means. A program
/// counts for an engine if both it and the reference ran it.
fn table(title: &str, rows: &[Row], engines: &[&Engine], clock: Clock, time: impl Fn(Time, Time) -> Time) {
    let seconds = |status: &Status| match *status {
        Status::Ran { compile, run } => Ok(time(compile, run).by(clock).as_secs_f64()),
        _ => Err(status.word()),
    };
    let names: Vec<_> = engines.iter().map(|engine| engine.name).collect();
    println!("{title} time: milliseconds on {}, and ratios to it\n", names[0]);
    println!("| program | {} ms | {} |\n| --- |{}", names[0], names[1..].join(" | "), " ---: |".repeat(names.len()));
    let mut ratios = vec![Vec::new(); engines.len()];
    for row in rows {
        let reference = seconds(&row.status[0]);
        let first = reference.map_or_else(str::to_owned, |seconds| format!("{:.2}", seconds * 1e3));
        print!("| {} | {first} |", row.name);
        for (status, ratios) in row.status.iter().zip(&mut ratios).skip(1) {
            match (seconds(status), reference) {
                (Ok(seconds), Ok(reference)) => {
                    ratios.push(seconds / reference);
                    print!(" {:.2} |", seconds / reference);
                }
                (Ok(_), Err(_)) => print!(" |"),
                (Err(word), _) => print!(" {word} |"),
            }
        }
        println!();
    }
    print!("| geometric mean (programs) | |");
    for ratios in &ratios[1..] {
        print!(" {} |", mean(ratios));
    }
    println!("\n");
}

fn mean(ratios: &[f64]) -> String {
    if ratios.is_empty() {
        return String::new();
    }
    let logarithm = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    format!("{:.2} ({})", logarithm.exp(), ratios.len())
}

/// Returns a line of comma-separated values per program and engine. Times are in nanoseconds.
pub fn csv(rows: &[Row], engines: &[&Engine]) -> String {
    let mut text = "program,engine,status,compile_processor,compile_elapsed,run_processor,run_elapsed\n".to_owned();
    for row in rows {
        for (engine, status) in engines.iter().zip(&row.status) {
            // Quoted, since a path may contain commas.
            let _ = write!(text, "\"{}\",{},", row.name.replace('"', "\"\""), engine.name);
            let times = match *status {
                Status::Ran { compile, run } => [compile.processor, compile.elapsed, run.processor, run.elapsed]
                    .map(|time| time.as_nanos().to_string())
                    .join(","),
                _ => ",,,".to_owned(),
            };
            let word = if matches!(status, Status::Ran { .. }) { "ran" } else { status.word() };
            let _ = writeln!(text, "{word},{times}");
        }
    }
    text
}
