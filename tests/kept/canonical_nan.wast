;; wasmi 2.0.0 returns a different result. V8 and wasmi 1.1 return this one.
(module
(memory (export "memory") 1 2)
(global $g_i32 (export "i32") (mut i32) (i32.const 0))
(type $i32 (func (param i32 i32 i32) (result i32)))
(func $choose_i32 (type $i32) local.get 2 local.get 0 local.get 1 select)
(func $first_i32 (type $i32) local.get 0)
(global $g_i64 (export "i64") (mut i64) (i64.const 1))
(type $i64 (func (param i64 i32 i64) (result i64)))
(func $choose_i64 (type $i64) local.get 2 local.get 0 local.get 1 select)
(func $first_i64 (type $i64) local.get 0)
(global $g_f32 (export "f32") (mut f32) (f32.const 2))
(type $f32 (func (param f32 i32 f32) (result f32)))
(func $choose_f32 (type $f32) local.get 2 local.get 0 local.get 1 select)
(func $first_f32 (type $f32) local.get 0)
(global $g_f64 (export "f64") (mut f64) (f64.const 3))
(type $f64 (func (param f64 i32 f64) (result f64)))
(func $choose_f64 (type $f64) local.get 2 local.get 0 local.get 1 select)
(func $first_f64 (type $f64) local.get 0)
(func $canonical_f32 (param f32) (result f32)
               local.get 0 f32.const nan local.get 0 local.get 0 f32.eq select)
(func $canonical_f64 (param f64) (result f64)
               local.get 0 f64.const nan local.get 0 local.get 0 f64.eq select)
(table funcref (elem $choose_i32 $first_i32 $choose_i64 $first_i64 $choose_f32 $first_f32 $choose_f64 $first_f64 $canonical_f32))
(func (export "run") (param i32 i64 f32 f64) (result i64) (local i32 i64 f32 f64 i32 i64 f32 f64 i32 i32 i32)
i32.const 1
local.set 12
loop (result f64)
i32.const 1
memory.grow
drop
memory.size
drop
local.get 12
i32.const 1
i32.sub
local.tee 12
br_if 0
local.get 3
end
call $canonical_f64
i64.reinterpret_f64
local.get 3
local.get 0
if
local.get 0
drop
end
call $canonical_f64
i64.reinterpret_f64
i64.add
local.get 1
local.get 4
local.get 4
local.get 0
local.get 0
local.get 0
local.set 0
i32.add
local.set 4
i32.add
block (result i32)
local.get 0
i32.const 0
local.get 0
select
global.get $g_f32
global.get $g_f32
f32.add
i32.const 0
if (result f32)
local.get 2
else
local.get 2
end
local.get 8
i32.eqz
select
call $canonical_f32
f32.abs
f32.store offset=0
local.get 0
end
i32.div_u
select
local.get 1
local.get 0
select
)(func (export "stored") (result i64) i32.const 0 i64.load)
)

(assert_return (invoke "run" (i32.const 1) (i64.const 0) (f32.const 0) (f64.const 0)) (i64.const 0))
(assert_return (invoke "stored") (i64.const 0x4080000000))
