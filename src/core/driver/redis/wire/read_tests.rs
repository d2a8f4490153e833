use proptest::prelude::*;

use super::*;

/// All values of a stream that comes in pieces of a size.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<Value>, Garbled> {
    let (mut scanner, mut values) = (Scanner::default(), Vec::new());
    let (mut taken, mut there) = (0, 0);
    while there < bytes.len() {
        there = bytes.len().min(there + piece);
        while taken < there {
            let rest = &bytes[taken..there];
            let Some(end) = scanner.end(rest)? else { break };
            values.push(value(&rest[..end])?);
            taken += end;
        }
    }
    assert_eq!(taken, bytes.len(), "something is left");
    Ok(values)
}

/// What redis-rs makes of the same bytes, in our terms.
fn as_ours(theirs: redis::Value) -> Value {
    use redis::Value as Theirs;
    let list = |values: Vec<Theirs>| values.into_iter().map(as_ours).collect();
    match theirs {
        Theirs::Nil => Value::Nil,
        Theirs::Okay => Value::Okay,
        Theirs::Int(number) => Value::Int(number),
        Theirs::Boolean(truth) => Value::Int(i64::from(truth)),
        Theirs::BulkString(bytes) => Value::BulkString(bytes),
        Theirs::VerbatimString { text, .. } => Value::BulkString(text.into_bytes()),
        Theirs::SimpleString(text) => Value::SimpleString(text.into()),
        Theirs::Array(values) | Theirs::Set(values) => Value::Array(list(values)),
        Theirs::Map(pairs) => {
            Value::Array(pairs.into_iter().flat_map(|(key, value)| [as_ours(key), as_ours(value)]).collect())
        }
        Theirs::ServerError(error) => {
            let details = error.details().map(|details| format!(" {details}")).unwrap_or_default();
            Value::Error(Refusal(format!("{}{details}", error.code()).into()))
        }
        Theirs::Attribute { data, .. } => as_ours(*data),
        other => panic!("not generated: {other:?}"),
    }
}

/// Bytes of values that servers send.
fn resp() -> impl Strategy<Value = Vec<u8>> {
    let bulk = |kind: char| {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(move |bytes| {
            [format!("{kind}{}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat()
        })
    };
    let line = |kind: char| "[ -~]{0,30}".prop_map(move |text| format!("{kind}{text}\r\n").into_bytes());
    let leaf = prop_oneof![
        4 => bulk('$'),
        2 => any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        1 => line('+'),
        1 => "[A-Z]{3,9} [ -~]{1,20}".prop_map(|text| format!("-{text}\r\n").into_bytes()),
        1 => "[a-z]{0,20}".prop_map(|text| format!("={}\r\ntxt:{text}\r\n", text.len() + 4).into_bytes()),
        1 => prop::sample::select(vec!["$-1\r\n", "*-1\r\n", "_\r\n", "#t\r\n", "#f\r\n", "*0\r\n", "+OK\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let list = |kind: char, inner: BoxedStrategy<Vec<u8>>| {
            prop::collection::vec(inner, 0..5).prop_map(move |parts| {
                [format!("{kind}{}\r\n", parts.len()).into_bytes(), parts.concat()].concat()
            })
        };
        let pairs = |kind: char, inner: BoxedStrategy<Vec<u8>>| {
            prop::collection::vec((inner.clone(), inner), 0..4).prop_map(move |parts| {
                let flat: Vec<u8> =
                    parts.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect();
                [format!("{kind}{}\r\n", parts.len()).into_bytes(), flat].concat()
            })
        };
        let inner = inner.boxed();
        let attributes = (pairs('|', inner.clone()), inner.clone());
        prop_oneof![
            list('*', inner.clone()),
            list('~', inner.clone()),
            pairs('%', inner),
            attributes.prop_map(|(attributes, value)| [attributes, value].concat()),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_as_redis_rs_reads_them(bytes in resp()) {
        let theirs = redis::parse_redis_value(&bytes).expect("it is RESP");
        prop_assert_eq!(value(&bytes), Ok(as_ours(theirs)));
    }

    #[test]
    fn a_stream_is_the_same_in_pieces_of_any_size(values in prop::collection::vec(resp(), 1..6), piece in 1_usize..50) {
        let stream = values.concat();
        let whole: Result<Vec<Value>, Garbled> = values.iter().map(|bytes| value(bytes)).collect();
        prop_assert_eq!(read(&stream, piece), whole);
    }

    #[test]
    fn what_is_no_resp_is_said_to_be_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        // It must neither panic nor take what a length says for granted.
        if let Ok(Some(end)) = Scanner::default().end(&bytes) {
            let _ = value(&bytes[..end]);
        }
    }
}

#[test]
fn lengths_are_bounded() {
    for garbled in
        ["$9999999999\r\n", "*99999999999\r\n", "$-2\r\n", "$\r\n", "$1x\r\n", "%-1\r\n", "\r\n", "a\n"]
    {
        assert!(Scanner::default().end(garbled.as_bytes()).is_err(), "{garbled:?}");
    }
    assert!(Scanner::default().end(&vec![b'-'; LONGEST_LINE + 2]).is_err());
    let deep = [b"*1\r\n".repeat(DEEPEST + 2), b":1\r\n".to_vec()].concat();
    assert_eq!(Scanner::default().end(&deep), Ok(Some(deep.len())));
    assert!(value(&deep).is_err());
}

#[test]
fn a_push_is_told_from_an_answer() {
    let stream = b"+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n";
    let kind = Value::BulkString(b"invalidate".to_vec());
    let names = Value::Array(vec![Value::BulkString(b"k".to_vec())]);
    let expected = vec![Value::Okay, Value::Push(vec![kind, names]), Value::Int(1)];
    assert_eq!(read(stream, 3), Ok(expected));
}
