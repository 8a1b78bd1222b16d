//! Checksums as release servers write them.

/// The SHA-256 of `file` in lower-case hexadecimal digits. Two forms are understood: the sum alone (Kubernetes'
/// `.sha256` files), and sha256sum's lines of sum and name (etcd's `SHA256SUMS`).
pub(super) fn of_file(text: &str, file: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let sum = words.next()?;
        // A star before the name means that the sum was made of the raw bytes.
        let named = words.next().map(|name| name.trim_start_matches('*'));
        let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_sum && named.is_none_or(|name| name == file)).then(|| sum.to_ascii_lowercase())
    })
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

    #[test]
    fn a_sum_alone_is_the_files() {
        assert_eq!(of_file(A, "etcd").unwrap(), A);
        assert_eq!(
            of_file(&format!("{B}\n"), "etcd").unwrap(),
            B.to_lowercase()
        );
    }

    #[test]
    fn of_many_sums_the_one_with_the_files_name_is_taken() {
        let sums = format!("{A}  etcd-arm64.tar.gz\n{B} *etcd-amd64.tar.gz\n");
        assert_eq!(
            of_file(&sums, "etcd-amd64.tar.gz").unwrap(),
            B.to_lowercase()
        );
        assert_eq!(of_file(&sums, "etcd"), None);
    }

    #[test]
    fn what_is_no_sum_is_not_taken_for_one() {
        let short = &A[1..];
        for text in ["", "<html>", short, &format!("{short}g"), &format!("{A}a")] {
            assert_eq!(of_file(text, "etcd"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = of_file(&text, "etcd");
        }
    }
}
