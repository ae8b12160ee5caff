//! Written bytes run, near the executable, and all memory is returned.

use super::*;

const FORTY_TWO: [u8; 6] = [0xb8, 42, 0, 0, 0, 0xc3]; // mov $42, %eax; ret

fn pages(size: usize, mapping: Mapping) -> Owner {
    Owner::new(Pages::new(size, mapping, Placement::Near).unwrap())
}

fn write(writer: &mut Writer<'_>, bytes: &[u8]) -> Block {
    let mut slot = writer.slot(bytes.len()).unwrap();
    slot.emitter(0, 0, 0).1.copy_from_slice(&[]);
    let (_, end, _) = slot.emitter(0, bytes.len(), 0);
    assert!(end.iter().all(|&byte| byte == 0));
    end.copy_from_slice(bytes);
    writer.keep()
}

#[test]
fn written_code_is_near_and_runs() {
    for mapping in [Mapping::Single, Mapping::Dual] {
        let pages = pages(5000, mapping);
        for _ in 0..3 {
            let mut writer = Writer::new(&pages, true);
            let blocks = [write(&mut writer, &FORTY_TWO), write(&mut writer, &[0xc3; 4000])];
            writer.publish().unwrap();
            let start = blocks[0].bytes().as_ptr();
            assert!((start as usize).abs_diff(Pages::new as *const () as usize) < 1 << 31);
            assert_eq!(blocks[1].bytes(), [0xc3; 4000]);
            // SAFETY: these are the two instructions above, a function of the C convention.
            let function = unsafe { std::mem::transmute::<*const u8, extern "C" fn() -> i32>(start) };
            assert_eq!(function(), 42, "{mapping:?}");
        }
        // One page is enough for all, one after another.
        let stats = ArenaStats { reserved: 8192, committed: 4096, used: 0, padding: 0, free: 4096, functions: 0 };
        assert_eq!(pages.stats(), stats);
    }
}

/// Programs in pages of their own begin at different offsets, so that they do not compete for one set of the instruction cache.
/// This costs no page.
#[test]
fn pages_begin_with_different_lines_free() {
    const PAGES: usize = 256;
    fn published(pages: &Owner, many: bool, lines: usize) -> Result<Block, Error> {
        let mut writer = Writer::new(pages, many);
        writer.slot(lines * LINE)?.emitter(0, lines * LINE, 0).1.fill(0xc3);
        let block = writer.keep();
        writer.publish().map(|()| block)
    }
    let all = pages(PAGES * PAGE, Mapping::Single);
    for _ in 0..3 {
        let blocks: Vec<_> = std::iter::from_fn(|| published(&all, false, 1).ok()).collect();
        assert_eq!(blocks.len(), PAGES);
        let mut counts = [0; PAGE / LINE];
        blocks.iter().for_each(|block| counts[block.first_line() % counts.len()] += 1);
        // On average, four begin at each offset.
        assert!(counts.iter().all(|count| (1..8).contains(count)), "{counts:?}");
        drop(blocks);
        assert_eq!(all.stats().free, PAGES * PAGE);
    }
    for lines in [1, 2, 63, 64, 65, 128, 130] {
        let all = pages(PAGES * PAGE, Mapping::Single);
        let blocks: Vec<_> = std::iter::from_fn(|| published(&all, false, lines).ok()).collect();
        assert_eq!(blocks.len(), PAGES / lines.div_ceil(PAGE / LINE), "{lines} lines");
    }
    // A batch leaves some lines free if it has claimed more than a page. All others are left to it.
    let starts: Vec<_> = (0..20).map(|_| published(&all, true, 1).unwrap()).collect();
    let mut offsets: Vec<_> = starts.iter().map(|block| block.first_line() % (PAGE / LINE)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    assert!(offsets.len() > 5 && *offsets.last().unwrap() <= 16, "{offsets:?}");
    // A program that is written again, with more room, can have the whole page.
    for _ in 0..50 {
        let two = pages(2 * PAGE, Mapping::Single);
        let mut writer = Writer::new(&two, false);
        for lines in [1, 20, 64, 128] {
            writer.slot(lines * LINE).unwrap().emitter(0, lines * LINE, 0).1.fill(0xc3);
            assert_eq!(two.stats().committed, PAGE * lines.div_ceil(64));
        }
    }
    let one = pages(PAGE, Mapping::Single);
    let mut writer = Writer::new(&one, true);
    let lines: Vec<_> = (0..PAGE / LINE).map(|_| write(&mut writer, &FORTY_TWO)).collect();
    writer.publish().unwrap();
    assert_eq!((lines.len(), one.stats().used), (64, 64 * FORTY_TWO.len()));
}

/// A program that does not fit leaves the room for smaller ones to its batch.
#[test]
fn a_batch_keeps_its_lines_when_the_pages_are_full() {
    for mapping in [Mapping::Single, Mapping::Dual] {
        let pages = pages(2 * PAGE, mapping);
        let mut writer = Writer::new(&pages, true);
        let mut blocks = vec![write(&mut writer, &FORTY_TWO)];
        let left = pages.skip(PAGE / LINE).unwrap();
        let whole = |writer: &mut Writer<'_>| writer.slot(2 * PAGE).map(drop);
        for _ in 1..PAGE / LINE {
            assert!(matches!(whole(&mut writer), Err(Error::ArenaFull { .. })));
            blocks.push(write(&mut writer, &FORTY_TWO));
        }
        assert!(matches!(writer.slot(1), Err(Error::ArenaFull { .. })));
        pages.unskip(left);
        blocks.push(write(&mut writer, &FORTY_TWO));
        writer.publish().unwrap();
        assert_eq!(pages.stats().functions, PAGE / LINE + 1);
    }
}

/// Returns the letters of an address's protection, as the system reports them.
fn protection(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        (usize::from_str_radix(start, 16).unwrap()..usize::from_str_radix(end, 16).unwrap()).contains(&address)
    });
    line.map_or(String::new(), |line| line.split(' ').nth(1).unwrap()[..3].into())
}

#[test]
fn nothing_is_writable_and_executable() {
    for (mapping, before) in [(Mapping::Single, "rw-"), (Mapping::Dual, "r-x")] {
        let pages = pages(1 << 20, mapping);
        for _ in 0..2 {
            let mut writer = Writer::new(&pages, true);
            let block = write(&mut writer, &FORTY_TWO);
            let address = block.bytes().as_ptr() as usize;
            assert_eq!(protection(address), before);
            writer.publish().unwrap();
            assert_eq!(protection(address), "r-x");
            let other = pages.writable().address() + (address - pages.runs().address());
            assert_eq!(protection(other), if mapping == Mapping::Single { "r-x" } else { "rw-" });
        }
    }
}

#[test]
fn many_reservations_stay_near() {
    let all: Vec<_> = (0..2000).map(|n| pages(1 << (12 + n % 9), Mapping::Single)).collect();
    for pages in &all {
        assert!(pages.runs().address().abs_diff(Pages::new as *const () as usize) < 1 << 31);
    }
}

#[test]
fn reservations_are_returned_on_drop() {
    // Together these exceed the address space, unless each mapping is returned.
    for _ in 0..300 {
        View::reserve(1 << 40, Placement::Hint(0)).map(drop).unwrap_or_else(|error| {
            assert!(matches!(error, Error::OutOfMemory { code: libc::ENOMEM, .. }), "{error}");
        });
    }
    for mapping in [Mapping::Single, Mapping::Dual] {
        for _ in 0..1000 {
            drop(pages(1 << 30, mapping));
        }
    }
}

#[test]
fn too_much_is_an_error() {
    for mapping in [Mapping::Single, Mapping::Dual] {
        for size in [MOST + 1, 1 << 60, usize::MAX] {
            let error = Pages::new(size, mapping, Placement::Near).unwrap_err();
            assert_eq!(error, Error::ArenaTooLarge { size, most: MOST });
        }
    }
}

/// Programs in fresh memory take no system call each.
#[test]
fn a_dual_mapping_gets_memory_for_several_programs_at_once() {
    let bytes = [0xC3; LINE];
    let pages = pages(4 << 20, Mapping::Dual);
    let mut blocks = Vec::new();
    let mut steps = vec![0];
    for _ in 0..(160 << 10) / LINE {
        let mut writer = Writer::new(&pages, false);
        blocks.push(write(&mut writer, &bytes));
        writer.publish().unwrap();
        let committed = pages.stats().committed;
        if steps.last() != Some(&committed) {
            steps.push(committed);
        }
    }
    assert_eq!(steps, [0, 64 << 10, 128 << 10, 192 << 10]);
    // A small arena gets a page at a time.
    let small = self::pages(2 * PAGE, Mapping::Dual);
    let mut writer = Writer::new(&small, false);
    let block = write(&mut writer, &bytes);
    writer.publish().unwrap();
    assert_eq!(small.stats().committed, PAGE);
    drop(block);
}
