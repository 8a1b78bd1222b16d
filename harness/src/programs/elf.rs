//! What a program needs around it, as its ELF header says (`elf(5)`).

use std::path::Path;

use setpoint_cluster::ImageRoot;

use super::ProgramError;

/// The type of the program header that names the dynamic linker.
const PT_INTERP: usize = 3;

/// A program that is linked dynamically needs the host's libraries.
pub(crate) fn root(program: &Path) -> Result<ImageRoot, ProgramError> {
    let bytes = std::fs::read(program).map_err(ProgramError::using(program))?;
    let is_static = names_interpreter(&bytes) == Some(false);
    Ok(if is_static {
        ImageRoot::Empty
    } else {
        ImageRoot::HostLibraries
    })
}

/// Whether a program header of a 64-bit little-endian ELF file is PT_INTERP; none for any other file.
fn names_interpreter(bytes: &[u8]) -> Option<bool> {
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let start = number(bytes, 32, 8)?;
    let (size, count) = (number(bytes, 54, 2)?, number(bytes, 56, 2)?);
    let type_of = |index: usize| number(bytes, start.checked_add(index * size)?, 4);
    Some((0..count).any(|index| type_of(index) == Some(PT_INTERP)))
}

/// The little-endian number of `length` bytes at an offset, if the file is that long.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    let digits = field.iter().rev();
    Some(digits.fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_told_from_a_static_one() {
        let running = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(names_interpreter(&running), Some(true));
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(names_interpreter(&header), Some(false));
        header[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        header[54..58].copy_from_slice(&[56, 0, 2, 0]);
        assert_eq!(names_interpreter(&header), Some(false), "no such place");
        assert_eq!(names_interpreter(b"#!/bin/sh"), None);
    }
}
