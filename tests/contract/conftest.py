"""Rewrites the asserts of the shipped suite, so that its failures show values."""

import pytest

pytest.register_assert_rewrite("calwarden.testing.contract", "calwarden.testing.world")
