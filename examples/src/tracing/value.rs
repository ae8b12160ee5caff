//! Values: a tag and 64 bits, shared by Rust and C bodies. The heap holds strings and lists.

use std::fmt;

/// The type of a value: the tag in its first word.
pub mod tag {
    pub const NIL: u64 = 0;
    pub const BOOL: u64 = 1;
    pub const INT: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const FUNCTION: u64 = 4;
    pub const TEXT: u64 = 5;
    pub const LIST: u64 = 6;
}

/// A value of the language. The bits are a boolean, an integer, a float, the number of a function, or the address of a string
/// or a list in the heap. The bits of nil are 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    pub tag: u64,
    pub bits: u64,
}

/// A list, shared with C bodies.
#[repr(C)]
pub struct List {
    pub items: *mut Value,
    pub length: u64,
    pub capacity: u64,
}

/// All strings and lists of a program. They live until its end.
#[derive(Default)]
pub struct Heap {
    texts: Vec<*mut String>,
    lists: Vec<*mut List>,
}

impl Value {
    pub const NIL: Self = Self { tag: tag::NIL, bits: 0 };

    pub fn bool(value: bool) -> Self {
        Self { tag: tag::BOOL, bits: value.into() }
    }

    pub fn int(value: i64) -> Self {
        Self { tag: tag::INT, bits: value as u64 }
    }

    pub fn float(value: f64) -> Self {
        Self { tag: tag::FLOAT, bits: value.to_bits() }
    }

    pub fn function(index: usize) -> Self {
        Self { tag: tag::FUNCTION, bits: index as u64 }
    }

    /// Whether the value counts as true: all values but nil and false do.
    pub fn is_true(self) -> bool {
        self.tag > tag::BOOL || self.bits != 0
    }

    pub fn as_int(self) -> Option<i64> {
        (self.tag == tag::INT).then_some(self.bits as i64)
    }

    /// The value as a float, if it is a number.
    pub fn as_float(self) -> Option<f64> {
        match self.tag {
            tag::INT => Some(self.bits as i64 as f64),
            tag::FLOAT => Some(f64::from_bits(self.bits)),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        // SAFETY: only the heap creates strings. It never changes them, and frees them after the last use of a value.
        (self.tag == tag::TEXT).then(|| unsafe { (*(self.bits as *const String)).as_str() })
    }

    pub fn as_list(self) -> Option<*mut List> {
        (self.tag == tag::LIST).then_some(self.bits as *mut List)
    }
}

impl Heap {
    pub fn text(&mut self, text: String) -> Value {
        let address = Box::into_raw(Box::new(text));
        self.texts.push(address);
        Value { tag: tag::TEXT, bits: address as u64 }
    }

    pub fn list(&mut self, items: Vec<Value>) -> Value {
        let address = Box::into_raw(Box::new(List { items: std::ptr::null_mut(), length: 0, capacity: 0 }));
        self.lists.push(address);
        List::put(address, items);
        Value { tag: tag::LIST, bits: address as u64 }
    }
}

impl List {
    /// Takes the items out of the list.
    fn take(list: *mut Self) -> Vec<Value> {
        // SAFETY: the heap owns `list` and hands out no reference to it.
        let list = unsafe { &mut *list };
        let items = std::mem::replace(&mut list.items, std::ptr::null_mut());
        let (length, capacity) = (std::mem::take(&mut list.length), std::mem::take(&mut list.capacity));
        if items.is_null() {
            return Vec::new();
        }
        // SAFETY: `put` took these parts from a vector.
        unsafe { Vec::from_raw_parts(items, length as usize, capacity as usize) }
    }

    fn put(list: *mut Self, items: Vec<Value>) {
        let mut items = std::mem::ManuallyDrop::new(items);
        let parts = Self { items: items.as_mut_ptr(), length: items.len() as u64, capacity: items.capacity() as u64 };
        // SAFETY: the heap owns `list`, and its old items have been taken.
        unsafe { list.write(parts) };
    }

    /// Calls a function with the items.
    pub fn with<R>(list: *mut Self, work: impl FnOnce(&mut Vec<Value>) -> R) -> R {
        let mut items = Self::take(list);
        let result = work(&mut items);
        Self::put(list, items);
        result
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for list in self.lists.drain(..) {
            List::take(list);
            // SAFETY: `list` created it from a box, and values are no longer used.
            drop(unsafe { Box::from_raw(list) });
        }
        for text in self.texts.drain(..) {
            // SAFETY: `text` created it from a box, and values are no longer used.
            drop(unsafe { Box::from_raw(text) });
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag {
            tag::NIL => f.write_str("nil"),
            tag::BOOL => write!(f, "{}", self.bits != 0),
            tag::INT => write!(f, "{}", self.bits as i64),
            tag::FLOAT => write!(f, "{:?}", f64::from_bits(self.bits)),
            tag::FUNCTION => write!(f, "fn {}", self.bits),
            tag::TEXT => f.write_str(self.as_text().unwrap_or_default()),
            // A list may contain itself.
            _ => write!(f, "a list of {}", self.as_list().map_or(0, |list| List::with(list, |items| items.len()))),
        }
    }
}
