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
