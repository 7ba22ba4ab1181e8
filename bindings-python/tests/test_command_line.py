"""What a program is called, from the command line that it was started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillframe import _command_line


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("shop.py --fast", "shop"),
        ("/srv/bin/shop", "shop"),
        ("-m shop.__main__", "shop"),
        ("-m shop.jobs nightly", "shop.jobs"),
        ("/srv/shop/__main__.py", "shop"),
        ("-c pass", ""),
        ("", ""),
        ("-m uvicorn shop.web:app --port 8000", "shop"),
        ("/venv/bin/uvicorn --host localhost:80 shop:create_app", "shop"),
        ("/venv/bin/uvicorn main:app", "bakery"),
        ("/venv/bin/gunicorn -b 127.0.0.1:8000 -w 4 shop.wsgi:application", "shop"),
        ("/venv/bin/gunicorn -b localhost:8000 wsgi:application", "bakery"),
        ("/venv/bin/gunicorn -c settings.py", "gunicorn"),
        ("/venv/bin/gunicorn -c python:shop.settings", "gunicorn"),
        ("/venv/bin/gunicorn shop.wsgi", "shop"),
        ("-m gunicorn myapp", "myapp"),
        ("/venv/bin/gunicorn -w 4 -b 0.0.0.0:8000 shop.wsgi", "shop"),
        ("/venv/bin/gunicorn -w4 --bind=0.0.0.0:8000 --preload -D shop.wsgi --log-level info", "shop"),
        ("/venv/bin/gunicorn -c conf.py shop.wsgi", "shop"),
        ("/venv/bin/gunicorn -c python:conf -b unix:market.sock shop.wsgi:application", "shop"),
        ("/venv/bin/gunicorn --name market -- shop", "shop"),
        ("/venv/bin/gunicorn -w 4 wsgi", "bakery"),
        ("/venv/bin/gunicorn --proxy-protocol shop.wsgi", "shop"),
        ("/venv/bin/gunicorn --proxy-protocol v2 shop.wsgi", "shop"),
        ("/venv/bin/gunicorn shop.web:create_app('a/b:c')", "shop"),
        ("/venv/bin/gunicorn --not-known-yet shop.wsgi:application", "shop"),
        ("/venv/bin/hypercorn --reload -b unix:market.sock shop", "shop"),
        ("/venv/bin/uvicorn --uds unix:market.sock shop:app", "shop"),
        ("-m celery -A shop worker -l INFO", "shop"),
        ("/venv/bin/celery --app=shop.queue:celery worker", "shop"),
        ("/venv/bin/flask --app shop run", "shop"),
        ("/venv/bin/flask --app src/shop.py run", "shop"),
        ("/venv/bin/flask run", "bakery"),
        ("manage.py runserver", "bakery"),
        ("/srv/market/manage.py migrate", "market"),
    ],
)
def test_names_of_programs(line: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bakery"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(_command_line, "own", line.split)
    assert _command_line.program() == name
