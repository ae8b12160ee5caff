//! Runs contenders in turns and prints a table of their times.

use std::time::{Duration, Instant};

use crate::Result;

/// One way to make the machine code of a case.
pub trait Contender {
    /// Makes it. `memory` is zeroed, mapped and in the cache, for contenders that write to a caller's memory.
    fn emit(&mut self, memory: &mut [u8]) -> Result<()>;

    /// Frees the machine code.
    fn free(&mut self) {}

    /// Checks the machine code.
    fn check(&mut self, memory: &[u8]) -> Result<()>;
}

/// A contender and the name of its row.
pub struct Row<'a> {
    name: &'a str,
    contender: Box<dyn Contender + 'a>,
    /// It takes its turn once in this many rounds.
    every: usize,
}

/// A contender that takes its turn in each round.
pub fn row<'a>(name: &'a str, contender: impl Contender + 'a) -> Row<'a> {
    Row { name, contender: Box::new(contender), every: 1 }
}

/// A contender that is hundreds of times slower, and takes its turn in few rounds.
pub fn slow<'a>(name: &'a str, contender: impl Contender + 'a) -> Row<'a> {
    Row { every: 25, ..row(name, contender) }
}

/// A case: what is emitted and how it is measured.
pub struct Case {
    pub name: &'static str,
    /// The unit that is counted, in the singular.
    pub unit: &'static str,
    /// The number of units.
    pub units: usize,
    /// Bytes of machine code.
    pub bytes: usize,
    /// The number of rounds in which all contenders take their turns.
    pub rounds: usize,
    /// Whether freeing is measured as well.
    pub freeing: bool,
}

impl Case {
    /// Measures all rows and prints them with their ratios to the first.
    pub fn measure(&self, memory: &mut [u8], mut rows: Vec<Row<'_>>) -> Result<()> {
        for row in &mut rows {
            memory.fill(0);
            let checked = row.contender.emit(memory).and_then(|()| row.contender.check(memory));
            checked.map_err(|error| format!("{}: {}: {error}", self.name, row.name))?;
            row.contender.free();
        }
        let mut times = vec![Vec::new(); rows.len()];
        for round in 0..self.rounds {
            for (row, times) in rows.iter_mut().zip(&mut times).filter(|(row, _)| round % row.every == 0) {
                // This also brings the memory into the cache, as far as it fits.
                memory.fill(0);
                times.push(self.time(&mut *row.contender, memory)?);
            }
        }
        println!("{}: {} times, {} bytes\n", self.name, self.units, self.bytes);
        println!("| | ns per {} | least | GB/s | times the first |\n| --- | ---: | ---: | ---: | ---: |", self.unit);
        let mut first = None;
        for (row, mut times) in rows.iter().zip(times) {
            times.sort();
            let nanoseconds = |time: Duration| time.as_secs_f64() * 1e9;
            let (median, least) = (nanoseconds(times[times.len() / 2]), nanoseconds(times[0]));
            let first = *first.get_or_insert(median);
            let units = self.units as f64;
            println!(
                "| {} | {:.2} | {:.2} | {:.1} | {:.2} |",
                row.name,
                median / units,
                least / units,
                self.bytes as f64 / median,
                median / first
            );
        }
        println!();
        Ok(())
    }

    fn time(&self, contender: &mut dyn Contender, memory: &mut [u8]) -> Result<Duration> {
        let start = Instant::now();
        contender.emit(memory)?;
        if self.freeing {
            contender.free();
            return Ok(start.elapsed());
        }
        let time = start.elapsed();
        contender.free();
        Ok(time)
    }
}

/// Returns an error that names the first differing offset.
pub fn same(bytes: &[u8], expected: &[u8]) -> Result<()> {
    if bytes == expected {
        return Ok(());
    }
    let at = bytes.iter().zip(expected).position(|(byte, expected)| byte != expected);
    let at = at.unwrap_or(bytes.len().min(expected.len()));
    let around = |bytes: &[u8]| bytes.get(at..bytes.len().min(at + 16)).map(|bytes| format!("{bytes:02x?}"));
    Err(format!("other machine code at byte {at}: {:?} instead of {:?}", around(bytes), around(expected)).into())
}
