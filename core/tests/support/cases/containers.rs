//! Values with contents.

use super::*;

pub(super) fn all() -> Vec<Named> {
    let lists = vec![
        ("empty", list(None, 0, vec![])),
        (
            "cut",
            list(
                None,
                900,
                vec![
                    Item::Value(Value::Int(1)),
                    Item::Value(Value::Int(2)),
                    gap(Reason::CollectionSize, 898),
                ],
            ),
        ),
        (
            "tuple",
            list(
                Some("tuple"),
                2,
                items(vec![text("a"), list(None, 1, items(vec![Value::Null]))]),
            ),
        ),
        (
            "seventeen",
            list(Some("set"), 17, items((0..17).map(Value::Int).collect())),
        ),
        (
            "holes",
            list(
                None,
                UNKNOWN,
                vec![
                    gap(Reason::Error, 1),
                    Item::Value(Value::Int(1)),
                    gap(Reason::Timeout, UNKNOWN),
                ],
            ),
        ),
    ];
    let map = |type_name: Option<&str>, size, items| Value::Map {
        type_name: type_name.map(str::to_owned),
        size,
        items,
    };
    let maps = vec![
        (
            "rates",
            map(
                None,
                2,
                items(vec![
                    text("USD"),
                    Value::Float(1.08),
                    text("GBP"),
                    Value::Float(0.86),
                ]),
            ),
        ),
        (
            "keys",
            map(
                Some("collections.OrderedDict"),
                365,
                vec![
                    Item::Value(Value::Null),
                    Item::Value(Value::Bool(true)),
                    Item::Value(list(
                        Some("tuple"),
                        2,
                        items(vec![Value::Int(1), Value::Int(2)]),
                    )),
                    Item::Value(map(None, 0, vec![])),
                    gap(Reason::CollectionSize, 363),
                ],
            ),
        ),
    ];
    let mut wide = named((0..3).map(|_| ("field", Value::Int(1))).collect());
    for (index, field) in wide.iter_mut().enumerate() {
        field.0 = format!("field_{index}");
    }
    wide.push((String::new(), gap(Reason::FieldCount, 30)));
    let objects = vec![
        (
            "order",
            object(
                "shop.models.Order",
                vec![("id", Value::Int(17)), ("_Order__secret", Value::Null)],
            ),
        ),
        (
            "nameless",
            Value::Object {
                type_name: None,
                items: vec![],
            },
        ),
        (
            "wide",
            Value::Object {
                type_name: Some("shop.models.Wide".into()),
                items: wide,
            },
        ),
        (
            "shaped",
            Value::Shaped {
                type_name: Some("shop.models.Line".into()),
                items: vec![
                    ("sku".into(), Some(Item::Value(text("A-17")))),
                    ("gone".into(), None),
                    ("quantity".into(), Some(Item::Value(Value::Int(2)))),
                ],
            },
        ),
        ("error", object("shop.models.Order.DoesNotExist", vec![])),
        ("local", object("shop.views.cart.<locals>.Row", vec![])),
    ];
    // Containers are numbered: 1 the exception, 2 the frame, 3 and 4 the locals, 5 the inner list.
    let references = vec![
        (
            "order",
            object(
                "shop.models.Order",
                vec![("lines", list(None, 1, items(vec![Value::Ref(2)])))],
            ),
        ),
        (
            "same",
            list(None, 2, items(vec![Value::Ref(2), Value::Ref(0)])),
        ),
        ("here", Value::Ref(2)),
        ("frame", Value::Ref(1)),
    ];
    let mut deep = Value::Int(8);
    for _ in 0..8 {
        deep = list(None, 1, items(vec![deep]));
    }
    vec![
        (
            "lists",
            "sequences and sets, cut and with holes",
            locals(PYTHON, lists),
        ),
        ("maps", "maps with keys of any kind", locals(PYTHON, maps)),
        (
            "objects",
            "objects with inline fields and by shape",
            locals(PYTHON, objects),
        ),
        (
            "references",
            "the same object again: in another variable, in itself, an exception, a frame",
            locals(PYTHON, references),
        ),
        (
            "nested",
            "lists in lists",
            locals(PYTHON, vec![("deep", deep)]),
        ),
    ]
}
