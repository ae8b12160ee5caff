//! The documentation of uops that `cargo doc` generates.

#![cfg(not(no_c_compiler))]

use messages::Crate;

const MAIN: &str = "
//! A machine.
stencil_runtime::stencil! {
    /// Counts.
    pub machine Counter(x: u64, at: *mut u32) -> u64;
    extern fn log(x: u64) = crate::log;
    /// Adds what it is told.
    pub uop add(value: i32, wide: u64) { x += wide; *at += (uint32_t)value; log(x); }
    uop hidden() { x++; }
    pub uop plain() { x++; }
    pub uop nth<const NTH: 0..4>() { x += NTH; }
    #[cfg(target_os = \"none\")]
    pub uop absent() { x--; }
    #[cfg(target_os = \"linux\")]
    pub uop present() { x--; }
    /// Shifts.
    pub uop shift<const BY: 0..3>() where BY != 1 { x <<= BY; }
    /// An operation.
    #[derive(Clone, Copy)]
    pub enum Op { Add, Sub, Put = 4 }
    /// Computes.
    pub uop compute<const OP: Op, const TWICE: 0..2>(n: i32) where !TWICE || OP != Op_Put {
    #if OP == Op_Add
        x += n << TWICE;
    #elif OP == Op_Sub
        x -= n << TWICE;
    #else
        *(uint8_t *)at = n;
    #endif
    }
}
pub mod more {
    //! More of it.
    stencil_runtime::stencil! {
        continue machine crate::Counter(x: u64, at: *mut u32) -> u64;
        pub uop ret() { RETURN(x); }
    }
}
/// Called by uops.
pub extern \"C\" fn log(_: u64) {}
fn main() {}
";

/// Returns the cells of a page, with those of each table row joined by `|`.
fn text(user: &Crate, page: &str) -> Vec<String> {
    let html = std::fs::read_to_string(user.target().join("doc/stencil_manual").join(page)).unwrap();
    let html = html.replace("</td>", "|").replace("<tr>", "\n").replace("</p>", "\n").replace("<h", "\n<h");
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_manual_has_a_table_of_all_uops_and_a_page_for_each() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-manual", MAIN);
    let compiler = std::env::var("STENCIL_CC").unwrap_or_default();
    let environment: &[(&str, &str)] = if compiler.is_empty() { &[] } else { &[("STENCIL_CC", &compiler)] };
    let environment = [environment, &[("RUSTDOCFLAGS", "-D warnings")]].concat();
    let output = user.cargo(&["doc", "--no-deps"], &environment);
    assert!(output.contains("Finished"), "{output}");

    let machine = text(&user, "enum.Counter.html");
    let line = |name: &str| machine.iter().find(|line| line.starts_with(&format!("{name}|")));
    let cells =
        |name: &str| line(name).unwrap_or_else(|| panic!("{name}: {machine:#?}")).split('|').collect::<Vec<_>>();
    assert_eq!(cells("add")[1..4], ["1", "", "value: i32, wide: u64"]);
    assert_eq!(cells("add")[7], "log");
    assert!(cells("add")[4].parse::<usize>().is_ok_and(|size| (15..60).contains(&size)), "{:?}", cells("add"));
    assert_eq!(cells("hidden")[1..4], ["1", "", ""]);
    assert_eq!(cells("shift")[1..3], ["2", "BY from 0 to 2"]);
    assert!(cells("shift")[4].contains("to") || cells("shift")[4].starts_with('0'), "{:?}", cells("shift"));
    assert!(line("present").is_some());
    assert!(line("absent").is_none());
    assert_eq!(cells("ret")[1..4], ["1", "", ""], "a block that continues the machine has a table, too");

    let add = text(&user, "constant.STENCIL_add.html").join("\n");
    for part in
        ["Adds what it is told.", "\nvalue|i32|1|", "\nwide|u64|1|all values|", "Calls log.", "data(%rip), %", "call"]
    {
        assert!(add.contains(part), "{part}: {add}");
    }
    assert_eq!(cells("compute")[1..3], ["5", "OP of Add, Sub, Put, TWICE from 0 to 1"]);
    let compute = text(&user, "constant.STENCIL_compute.html");
    let members = compute.iter().skip_while(|line| !line.starts_with("All members"));
    let members: Vec<Vec<&str>> = members.map(|line| line.split('|').collect()).collect();
    let member = |op: &str, twice: &str| members.iter().find(|cells| cells[0] == op && cells.get(1) == Some(&twice));
    for (op, twice, range) in [("Add", "0", "all values"), ("Sub", "1", "all values"), ("Put", "0", "all values")] {
        let cells = member(op, twice).unwrap_or_else(|| panic!("{op} {twice}: {members:#?}"));
        assert!(cells[2].parse::<usize>().is_ok_and(|size| (3..20).contains(&size)), "{cells:?}");
        assert_eq!((cells[3], cells[4], cells[5]), ("0", "1", range));
    }
    assert!(member("Put", "1").is_none());
    // The numbers 2 and 3, between `Sub` and `Put`, are no members.
    let rows = members.iter().filter(|cells| cells.len() == 7 && cells[2].parse::<usize>().is_ok());
    assert_eq!(rows.count(), 5, "{members:#?}");
    let emit = text(&user, "fn.emit_add.html").join("\n");
    assert!(emit.contains("\nvalue|i32|1|") && emit.contains("call"), "{emit}");
    // A uop or family without a comment gets a summary.
    let all = text(&user, "index.html").join("\n");
    assert!(all.contains("A stencil with "), "{all}");
    assert!(all.contains("A family of 4 stencils by NTH from 0 to 3, with "), "{all}");
}
