//! Errors to be grouped, for benches.

use stillframe_core::fingerprint::{ErrorInput, ExceptionInput, FrameInput};
use stillframe_core::language::Language;

/// 30 frames of a web application: every third its own, the others of frameworks and the standard library.
pub(crate) fn python(host_says: bool) -> ErrorInput<'static> {
    let app = [
        "Cart.price",
        "Cart.total.<locals>.<genexpr>",
        "checkout",
        "Order.place",
        "submit",
    ];
    let frames = (0..30usize).map(|n| {
        let (function, module, file) = match n % 3 {
            0 => (
                app[n / 3 % 5],
                "shop.orders.cart",
                "/srv/shop/releases/current/shop/orders/cart.py",
            ),
            1 => (
                "Flask.dispatch_request",
                "flask.app",
                "/srv/venv/lib/python3.12/site-packages/flask/app.py",
            ),
            _ => (
                "Context.run",
                "contextvars",
                "/usr/lib/python3.12/contextvars.py",
            ),
        };
        FrameInput {
            function,
            module,
            file,
            in_app: host_says.then_some(n % 3 == 0),
            raising_line: Some("    return self.prices[item]"),
        }
    });
    error(Language::Python, "shop.errors.NoPrice", frames.collect())
}

/// An error of one exception with these frames.
pub(crate) fn error<'a>(
    language: Language,
    type_name: &'a str,
    frames: Vec<FrameInput<'a>>,
) -> ErrorInput<'a> {
    ErrorInput {
        language,
        exceptions: vec![ExceptionInput {
            type_name,
            message: "no price for 'apple' (id 17) at https://shop.example/cart/17 after 30 s",
            frames,
            ..ExceptionInput::default()
        }],
        service: "shop",
        ..ErrorInput::default()
    }
}
