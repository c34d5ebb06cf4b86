"""Calls to a running Odoo, the way its web client makes them."""

import http.cookiejar
import itertools
import json
import urllib.request

from ..base.console import DevError


class RpcError(DevError):
    """The server refused a call; the text is what a user would read."""


class Session:
    """A person's session. Raises RpcError when the log-in is refused."""

    def __init__(self, address: str, database: str, login: str, password: str):
        self._address = address
        self._ids = itertools.count(1)
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        parameters = {"db": database, "login": login, "password": password}
        self.uid: int = self._post("/web/session/authenticate", parameters)["uid"]

    def call(self, model: str, method: str, *args, **kwargs):
        """Call a public method; its result as JSON gives it."""
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def create(self, model: str, values: dict, **context) -> int:
        return self.call(model, "create", [values], context=context)[0]

    def read(self, model: str, record_id: int, *fields: str) -> dict:
        return self.call(model, "read", [record_id], list(fields))[0]

    def find(self, model: str, *domain: tuple) -> int:
        """The id of the one record that is so."""
        found = self.call(model, "search", list(domain))
        if len(found) != 1:
            raise RpcError(f"{len(found)} records of {model} for {domain}")
        return found[0]

    def ref(self, xmlid: str) -> int:
        module, _dot, name = xmlid.partition(".")
        at = self.find("ir.model.data", ("module", "=", module), ("name", "=", name))
        return self.read("ir.model.data", at, "res_id")["res_id"]

    def _post(self, path: str, parameters: dict):
        body = {"jsonrpc": "2.0", "id": next(self._ids), "params": parameters}
        request = urllib.request.Request(
            self._address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=120) as response:
            answer = json.load(response)
        if error := answer.get("error"):
            data = error.get("data", {})
            raise RpcError(data.get("message") or error["message"])
        return answer["result"]
