"""`DATABASE_URL` of the test project."""

import pytest

from tests.settings import database_from_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgresql_url_is_read_in_full(scheme):
    database = database_from_url(f"{scheme}://shop:p%40ss@db.example:5433/orders?sslmode=require")

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"]) == ("shop", "p@ss")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", "5433", "orders")
    assert database["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_a_mysql_url_may_name_a_socket_and_is_strict_about_data(scheme):
    database = database_from_url(f"{scheme}://root@/orders?host=/run/mysqld/mysqld.sock")

    assert database["ENGINE"] == "django.db.backends.mysql"
    assert (database["USER"], database["HOST"], database["PORT"]) == ("root", "/run/mysqld/mysqld.sock", "")
    assert database["OPTIONS"]["charset"] == "utf8mb4"
    assert "STRICT_TRANS_TABLES" in database["OPTIONS"]["init_command"]


def test_a_sqlite_url_names_a_file():
    assert database_from_url("sqlite:////var/shop.sqlite3")["NAME"] == "/var/shop.sqlite3"


def test_a_sqlite_url_without_a_file_still_means_one_that_several_threads_can_open():
    assert database_from_url("sqlite://")["NAME"].endswith(".sqlite3")


def test_an_unknown_scheme_is_refused_by_name():
    with pytest.raises(ValueError, match="oracle"):
        database_from_url("oracle://scott@db/orders")
