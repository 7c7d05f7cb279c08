//! The process dictionary. What another sees of it: `process_info.rs`.

use runtime::{Look, dictionary, self_pid};

/// What a value's own code does to the dictionary, when it is copied, shown or dropped, is done: what it puts stays,
/// and nothing is borrowed meanwhile.
#[runtime::test]
fn a_value_that_uses_the_dictionary() {
    struct Meddler;

    fn meddle(count: u32) {
        if let Some(old) = dictionary::put("meddler", count) {
            drop(old);
        }
    }

    impl Clone for Meddler {
        fn clone(&self) -> Meddler {
            meddle(1);
            Meddler
        }
    }

    impl std::fmt::Debug for Meddler {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            meddle(2);
            f.write_str("Meddler")
        }
    }

    impl Drop for Meddler {
        fn drop(&mut self) {
            let drops = dictionary::get("drops").unwrap_or(0u32);
            dictionary::put("drops", drops + 1);
        }
    }

    dictionary::put("meddler", Meddler);
    drop(dictionary::get::<Meddler>("meddler").expect("a copy"));
    assert_eq!(dictionary::get("meddler"), Some(1u32));
    assert_eq!(dictionary::get("drops"), Some(2u32));

    dictionary::put("meddler", Meddler);
    let seen = Look::new().dictionary().at(self_pid());
    assert!(format!("{:?}", seen.unwrap().dictionary.unwrap()).contains("Meddler"));
    assert_eq!(dictionary::get("meddler"), Some(2u32));
    assert_eq!(dictionary::get("drops"), Some(3u32));
}
