;; The types of what `environment.wat` exports, as imports.
(module
  (import "env" "memory" (memory 1 3))
  (import "env" "table" (table 4 8 funcref))
  (import "env" "calls" (global (mut i64)))
  (import "env" "constant" (global i32))
  (import "env" "nothing" (func))
  (import "env" "swap" (func (param i32 i64) (result i64 i32)))
  (import "env" "count" (func (param f32 f64) (result f64)))
  (import "env" "store" (func (param i32 i64)))
  (import "env" "check" (func (param i32) (result i32))))
