; Highlights the C in stencil! blocks, for editors that use tree-sitter (Neovim, Helix, Zed).

; The body of a uop follows its operands: `uop add(n: u32) { ... }`.
((macro_invocation
   macro: [(identifier) @_macro (scoped_identifier name: (identifier) @_macro)]
   (token_tree
     (token_tree) @_operands
     .
     (token_tree) @injection.content))
 (#eq? @_macro "stencil")
 (#match? @_operands "^\\(")
 (#match? @injection.content "^\\{")
 (#set! injection.language "c")
 (#set! injection.include-children))

; The body may also follow a condition: `uop get<const A: 0..3>() where A != 1 { ... }`.
((macro_invocation
   macro: [(identifier) @_macro (scoped_identifier name: (identifier) @_macro)]
   (token_tree
     "where"
     .
     [
       (identifier)
       (integer_literal)
       (token_tree) @_parentheses
       "==" "!=" "<" "<=" ">" ">=" "&&" "||" "!" "+" "-" "*" "/" "%"
     ]+
     .
     (token_tree) @injection.content))
 (#eq? @_macro "stencil")
 (#match? @_parentheses "^\\(")
 (#match? @injection.content "^\\{")
 (#set! injection.language "c")
 (#set! injection.include-children))

; `c { ... }`
((macro_invocation
   macro: [(identifier) @_macro (scoped_identifier name: (identifier) @_macro)]
   (token_tree
     (identifier) @_c
     .
     (token_tree) @injection.content))
 (#eq? @_macro "stencil")
 (#eq? @_c "c")
 (#match? @injection.content "^\\{")
 (#set! injection.language "c")
 (#set! injection.include-children))
