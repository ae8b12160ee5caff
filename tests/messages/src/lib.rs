//! Tests of what people see when they make a mistake in `stencil!`: the cases are in `ui`.
