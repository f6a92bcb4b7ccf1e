"""Drives the simulator with Tableau's official Python client.

usage: tsc.py URL SITE TOKEN_NAME TOKEN_SECRET FILE LARGE_FILE SUFFIX

SUFFIX is what a download without its file is: `tds` or `tdsx`.

Prints `done` when every step went as the documentation of the client says.
"""

import os
import sys
import tempfile
import zipfile

import tableauserverclient as TSC
from tableauserverclient.server.endpoint.exceptions import FailedSignInError

url, site, token_name, token_secret, small, large, alone = sys.argv[1:]
PROJECT = "Größe, Maß: Überblick"


def sign_in():
    server = TSC.Server(url)
    server.auth.sign_in(TSC.PersonalAccessTokenAuth(token_name, token_secret, site_id=site))
    server.use_server_version()
    return server


def expect_error(code, call):
    try:
        call()
    except (TSC.ServerResponseError, FailedSignInError) as error:
        assert error.code == code, f"expected {code}, got {error.code}: {error.detail}"
    else:
        raise AssertionError(f"expected {code}, but it worked")


def publish(server, name, mode, path, as_job, **attributes):
    item = TSC.DatasourceItem(project.id, name=name)
    for key, value in attributes.items():
        setattr(item, key, value)
    result = server.datasources.publish(item, path, mode, as_job=as_job)
    if as_job:
        assert result.type == "PublishDatasource" and result.completed_at is None and result.progress == "0"
        finished = server.jobs.wait_for_job(result, timeout=60)
        assert finished.completed_at is not None and finished.finish_code == 0
    return find(server, name)


def find(server, name):
    found = [item for item in TSC.Pager(server.datasources) if item.name == name and item.project_id == project.id]
    assert len(found) == 1, found
    return found[0]


server = sign_in()
assert server.version == "3.29", server.version

# More than 100 projects: several pages. The name cannot be filtered for.
projects = list(TSC.Pager(server.projects))
assert len(projects) == len({item.id for item in projects}) > 250, len(projects)
(project,) = [item for item in projects if item.name == PROJECT]
assert [item.name for item in server.projects.filter(name="Sales")] == ["Sales"]
emea = [item for item in server.projects.filter(name="EMEA")]
assert len(emea) == 2 and len({item.parent_id for item in emea}) == 2
expect_error("400000", lambda: list(server.projects.filter(name=PROJECT)))

# A small file goes in a single request, a large one in an upload session of several appends.
os.environ["TSC_FILESIZE_LIMIT_MB"] = "2"
os.environ["TSC_CHUNK_SIZE_MB"] = "1"
Mode = TSC.Server.PublishMode

orders = publish(server, "Orders & Co", Mode.CreateNew, small, as_job=False, description="first\nline <2>")
assert orders.description == "first\nline <2>" and orders.project_name == PROJECT
assert orders.webpage_url.startswith(url + "/#/site/" + site + "/datasources/")
visits = publish(server, "Visits", Mode.CreateNew, small, as_job=True)

expect_error("403007", lambda: publish(server, "orders & co", Mode.CreateNew, small, as_job=False))
expect_error("403007", lambda: publish(server, "Visits", Mode.CreateNew, large, as_job=True))
expect_error("404004", lambda: publish(server, "Nowhere", Mode.Append, small, as_job=False))

again = publish(server, "Orders & Co", Mode.Overwrite, large, as_job=False)
assert again.id == orders.id and again.content_url == orders.content_url and again.updated_at > orders.updated_at
assert again.description is None, again.description
again = publish(server, "Visits", Mode.Overwrite, large, as_job=True, description="kept")
assert again.id == visits.id and again.description == "kept"
publish(server, "Visits", Mode.Append, small, as_job=True)

# The semi-documented mode replaces the rows of what exists, in whatever way they arrive.
for path, as_job in [(small, False), (large, False), (small, True), (large, True)]:
    again = publish(server, "Visits", Mode.Replace, path, as_job)
    assert again.id == visits.id and again.description == "kept"
expect_error("404004", lambda: publish(server, "Nowhere", Mode.Replace, small, as_job=False))
publish(server, "Visits", Mode.Append, small, as_job=True)

# Tags and description.
item = server.datasources.get_by_id(visits.id)
item.tags = {"finance", "daily load", "a/b"}
item.description = "changed"
item.certified = True
item.certification_note = "reviewed"
server.datasources.update(item)
item = server.datasources.get_by_id(visits.id)
assert item.tags == {"finance", "daily load", "a/b"}, item.tags
assert item.description == "changed" and item.certified and item.certification_note == "reviewed"
item.tags = {"finance"}
server.datasources.update(item)
assert server.datasources.get_by_id(visits.id).tags == {"finance"}
item.name = "ORDERS & CO"
expect_error("409015", lambda: server.datasources.update(item))

# A published file is the only connection.
server.datasources.populate_connections(item := server.datasources.get_by_id(visits.id))
(connection,) = item.connections
assert connection.connection_type == "hyper" and connection.id and connection.embed_password is False
server.datasources.populate_connections(remote := find(server, "Remote"))
(connection,) = remote.connections
assert (connection.connection_type, connection.server_address) == ("snowflake", "snowflake.example.com")

# Downloads are zip files with the published file in them; the client writes them where it is told.
with tempfile.TemporaryDirectory() as folder:
    path = server.datasources.download(visits.id, os.path.join(folder, "visits"))
    assert path.endswith(".tdsx"), path
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        extracts = [name for name in packed.namelist() if name.endswith(".hyper")]
        for name, sent in zip(extracts, [large, small], strict=True):
            assert packed.read(name) == open(sent, "rb").read(), name
    path = server.datasources.download(visits.id, os.path.join(folder, "alone"), include_extract=False)
    assert path.endswith("." + alone), path
    if alone == "tds":
        assert open(path, "rb").read().startswith(b"<?xml")
    else:
        with zipfile.ZipFile(path) as packed:
            assert packed.namelist() == ["Visits.tds"] and b"<datasource" in packed.read("Visits.tds")
    path = server.datasources.download(remote.id, os.path.join(folder, "remote"))
    assert path.endswith(".tds") and b"snowflake" in open(path, "rb").read(), path
    # Another file in the same place, and all the rest as it was.
    swapped = publish(server, "Swapped", Mode.CreateNew, large, as_job=False)
    path = server.datasources.download(swapped.id, os.path.join(folder, "whole"))
    with zipfile.ZipFile(path) as packed, zipfile.ZipFile(os.path.join(folder, "swap.tdsx"), "w", zipfile.ZIP_DEFLATED) as out:
        for name in packed.namelist():
            is_extract = name.endswith(".hyper")
            out.writestr(name, open(small, "rb").read() if is_extract else packed.read(name))
    for as_job in (False, True):
        again = publish(server, "Swapped", Mode.Overwrite, out.filename, as_job)
        assert again.id == swapped.id
    again = server.datasources.download(swapped.id, os.path.join(folder, "again"))
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(again) as after:
        assert before.namelist() == after.namelist()
        for name in after.namelist():
            expected = open(small, "rb").read() if name.endswith(".hyper") else before.read(name)
            assert after.read(name) == expected, name
    expect_error("400011", lambda: publish(server, "Swapped", Mode.Append, out.filename, as_job=False))
    expect_error("400054", lambda: publish(server, "Swapped", Mode.Replace, out.filename, as_job=False))
expect_error("404004", lambda: server.datasources.download(project.id))

# Projects.
own = server.projects.create(TSC.ProjectItem("Own & only", description="for a while"))
assert own.name == "Own & only" and own.description == "for a while" and own.parent_id is None
within = server.projects.create(TSC.ProjectItem("Within", parent_id=own.id))
assert within.parent_id == own.id
expect_error("409006", lambda: server.projects.create(TSC.ProjectItem("OWN & ONLY")))
expect_error("404005", lambda: server.projects.create(TSC.ProjectItem("x", parent_id=visits.id)))
server.datasources.publish(TSC.DatasourceItem(within.id, name="Lost"), small, Mode.CreateNew)
server.projects.delete(own.id)
assert not [item for item in TSC.Pager(server.projects) if item.id in (own.id, within.id)]
assert not [item for item in TSC.Pager(server.datasources) if item.name == "Lost"]
expect_error("404005", lambda: server.projects.delete(own.id))
(default,) = server.projects.filter(name="default")
expect_error("403003", lambda: server.projects.delete(default.id))

gone = publish(server, "Gone", Mode.Overwrite, small, as_job=False)
server.datasources.delete(gone.id)
expect_error("404004", lambda: server.datasources.get_by_id(gone.id))

# A second sign-in with the same personal access token ends the first session.
other = sign_in()
expect_error("401002", lambda: server.projects.get())
other.projects.get()
other.auth.sign_out()

wrong = TSC.Server(url)
expect_error("401001", lambda: wrong.auth.sign_in(TSC.PersonalAccessTokenAuth(token_name, "wrong", site_id=site)))
expect_error("401001", lambda: wrong.auth.sign_in(TSC.TableauAuth("user", "password", site_id=site)))
print("done")
