"""Visits the shop over HTTP, like a customer would; prints what the shop answers."""

import json
import sys
import time
import urllib.error
import urllib.request

base = sys.argv[1]


def ask(method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(base + path, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            print(f"{method} {path} -> {answer.status}")
    except urllib.error.HTTPError as error:
        print(f"{method} {path} -> {error.code}")


for _ in range(100):
    try:
        ask("GET", "/products/A-100?currency=GBP")
        break
    except urllib.error.URLError:
        time.sleep(0.1)
else:
    sys.exit(f"the shop does not answer at {base}")

ask("GET", "/products/A-100?currency=EUR", headers={"Cookie": "session=eyJjYXJ0IjpbMV19.Zx0"})
ask("GET", "/orders/1/label")
ask("POST", "/orders/1/pay", {"card_number": "4111 1111 1111 1111"})
