//! Graphviz: parsing and layout of graphs.

use uops::wasi::Wasi;

use crate::guest::Guest;

/// Draws a graph in a format, with a layout engine of Graphviz.
fn render(guest: &Guest, dot: &str, format: &str, engine: &str) -> Result<String, String> {
    let [dot, format, engine, length] = [dot, format, engine, "...."].map(|text| guest.put_text(text));
    let drawn = guest.call("graphviz_render", &[dot, format, engine, length]);
    if drawn == 0 {
        return Err(guest.read_text(guest.call("graphviz_last_error", &[])));
    }
    Ok(String::from_utf8(guest.read(drawn, guest.read_u32(length))).unwrap())
}

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn draws_graphs() {
    let guest = Guest::new("graphviz.wasm", Wasi::new(), |_, _| ());
    // By default nodes are 0.75 by 0.5 inches, half an inch apart, as the manual says.
    let plain = render(&guest, "digraph { a -> b -> c; a -> c }", "plain", "dot").unwrap();
    let words: Vec<Vec<&str>> = plain.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(words[0][..1], ["graph"], "{plain}");
    assert_eq!(words[0][3], "2.5", "{plain}");
    let nodes: Vec<_> = words.iter().filter(|words| words[0] == "node").collect();
    assert_eq!(nodes.iter().map(|node| node[1]).collect::<String>(), "abc");
    assert_eq!(nodes.iter().map(|node| node[3]).collect::<Vec<_>>(), ["2.25", "1.25", "0.25"], "{plain}");
    assert!(nodes.iter().all(|node| node[4..6] == ["0.75", "0.5"]), "{plain}");
    let edges: Vec<_> = words.iter().filter(|words| words[0] == "edge").map(|edge| edge[1..3].concat()).collect();
    assert_eq!(edges, ["ab", "ac", "bc"]);
    // A tree, of which each node is drawn.
    let edges: String = (1..100).map(|n| format!("n{n} -- n{}\n", n / 2)).collect();
    for engine in ["dot", "neato", "circo"] {
        let svg = render(&guest, &format!("graph {{ {edges} }}"), "svg", engine).unwrap();
        assert_eq!(svg.matches(r#"class="node""#).count(), 100, "{engine}");
        assert!(svg.trim_end().ends_with("</svg>"));
    }
    let error = render(&guest, "digraph { a -> ", "svg", "dot").unwrap_err();
    assert!(error.starts_with("Failed to parse"), "{error}");
}
