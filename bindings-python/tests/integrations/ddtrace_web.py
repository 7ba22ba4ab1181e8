"""Programs with a web framework that fail inside spans, one request each, and how many snapshots ddtrace takes of them."""

from __future__ import annotations

WEB: dict[str, tuple[int, str]] = {
    "flask": (
        2,
        """
        from flask import Flask, request

        app = Flask(__name__)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.logger.disabled = True

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        @app.route("/buy/<item>")
        def buy(item):
            amount = 2
            return str(price(item) * amount)

        response = app.test_client().get("/buy/milk")
        assert response.status_code == 500
        response.get_data()
        response.close()
        """,
    ),
    "fastapi": (
        2,
        """
        from fastapi import FastAPI
        from fastapi.testclient import TestClient

        app = FastAPI()

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        @app.get("/buy/{item}")
        async def buy(item: str):
            amount = 2
            return price(item) * amount

        assert TestClient(app, raise_server_exceptions=False).get("/buy/milk").status_code == 500
        """,
    ),
    "django": (
        2,
        """
        import sys

        import django
        from django.conf import settings
        from django.http import HttpResponse
        from django.urls import path

        settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", LOGGING_CONFIG=None)
        django.setup()

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        def buy(request, item):
            amount = 2
            return HttpResponse(str(price(item) * amount))

        urlpatterns = [path("buy/<str:item>", buy)]

        from django.test import Client

        assert Client(raise_request_exception=False).get("/buy/milk").status_code == 500
        """,
    ),
}
