"""Lets in the request with the bearer token of the environment variable TOKEN."""

import os
from types import SimpleNamespace

from django.contrib.auth.models import AnonymousUser


class BearerToken:
    def __init__(self, get_response):
        self.get_response = get_response
        self.header = f"Bearer {os.environ['TOKEN']}"

    def __call__(self, request):
        known = request.headers.get("authorization") == self.header
        request.user = SimpleNamespace(is_authenticated=True) if known else AnonymousUser()
        return self.get_response(request)
