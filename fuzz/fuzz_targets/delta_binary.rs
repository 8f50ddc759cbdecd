//! Fuzzes the binary delta decoder with two schemas: no panics, bounded memory, and every decoded
//! batch round-trips through JSON and the binary form.

#![no_main]

use ablo::{Deltas, Naming, SchemaDescriptor};
use libfuzzer_sys::fuzz_target;

mod weather {
    include!("../../ablo/tests/weather.in");
}

mod later {
    include!("../../ablo/tests/weather_later.in");
}

fuzz_target!(|bytes: &[u8]| {
    // The fuzzer cannot guess the schema hash, so it is inserted if the flags require it.
    let mut same = bytes.to_vec();
    if bytes.len() > 3 && bytes[2] & 2 == 0 {
        let mut tag = [0; 16];
        tag[..2].copy_from_slice(&[0x5b, 0x6a]);
        same.splice(3..3, tag);
    }
    check(&weather::SCHEMA, &same);
    check(&later::SCHEMA, bytes);
});

fn check(schema: &'static SchemaDescriptor, bytes: &[u8]) {
    let deltas = match Deltas::read_binary(schema, bytes) {
        Ok(deltas) => deltas,
        Err(error) => return assert!(error.offset() <= bytes.len(), "{error}"),
    };
    let frame = deltas.to_frame();
    let again = Deltas::read(schema, &frame).unwrap_or_else(|error| panic!("{error}\n{frame}"));
    assert_eq!(again.to_frame(), frame);
    for naming in [Naming::SameSchema, Naming::Described] {
        let written = deltas.to_binary(naming);
        let read = Deltas::read_binary(schema, &written)
            .unwrap_or_else(|error| panic!("{error}\n{frame}"));
        assert_eq!(read.to_frame(), frame);
    }
}
