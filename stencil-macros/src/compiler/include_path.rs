//! The directories in which a compiler looks for headers.

use std::path::{Path, PathBuf};

/// The directories in the order in which they are searched; those that do not exist come first.
///
/// `text` is what `-v` has compilers say.
pub fn parse(text: &str, current: &Path) -> Option<Vec<PathBuf>> {
    let (before, lists) = text.split_once("#include \"...\" search starts here:")?;
    let (lists, _) = lists.split_once("End of search list.")?;
    let missing = before
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("ignoring nonexistent directory ")?.trim_matches('"')));
    let listed = lists.lines().filter(|line| line.starts_with(' ')).map(str::trim);
    Some(missing.chain(listed).map(|directory| current.join(directory)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_and_what_is_not_there() {
        let text = "clang version 19\nignoring nonexistent directory \"/none\"\nignoring duplicate directory \"/usr\"\n\
                    #include \"...\" search starts here:\n beside\n /crate\n#include <...> search starts here:\n \
                    /usr/lib/clang/19/include\n /usr/include\nEnd of search list.\n/ no\n";
        let expected = ["/none", "/x/beside", "/crate", "/usr/lib/clang/19/include", "/usr/include"];
        assert_eq!(parse(text, Path::new("/x")).unwrap(), expected.map(PathBuf::from));
        assert_eq!(parse("clang version 19", Path::new("/x")), None);
    }
}
