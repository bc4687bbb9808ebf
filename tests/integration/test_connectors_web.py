"""The connectors of web sites, against a real server on loopback that counts what it is asked for."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from ingest.connectors.contract import ConnectorError
from tests.integration.connector_contract import ConnectorContract, SmallSync, Source, closing
from tests.integration.web_server import Answer, web_server


class WebSource(Source):
    """A start page that links to every page there is."""

    kind = "web"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = self.stack.enter_context(web_server())
        self.names: list[str] = []
        self._link()

    def options(self) -> dict[str, object]:
        return {"url": f"{self.server.url}/docs/", "delay_s": 0}

    def put(self, name: str, text: str) -> None:
        self.server.answers[self.path_of(name)] = Answer(f"<title>{name[:1]}</title><p>{text}</p>".encode())
        if name not in self.names:
            self.names.append(name)
        self._link()

    def delete(self, name: str) -> None:
        del self.server.answers[self.path_of(name)]
        self.names.remove(name)
        self._link()

    def move(self, name: str, to: str) -> None:
        self.server.answers[self.path_of(to)] = self.server.answers.pop(self.path_of(name))
        self.names[self.names.index(name)] = to
        self._link()

    def take_down(self) -> None:
        self.server.answers = {path: replace(answer, status=503) for path, answer in self.server.answers.items()}
        self.server.answers["/robots.txt"] = Answer(status=503, headers={"Retry-After": "0"})

    def spoil(self, name: str) -> None:
        self.put(name, "spoilt")
        self.server.answers[self.path_of(name)] = Answer(b"broken", status=500)

    def id_of(self, name: str) -> str:
        return self.server.url + self.path_of(name)

    def path_of(self, name: str) -> str:
        return f"/docs/{quote(name)}"

    def downloads(self) -> int:
        return self.server.sent.total() - self.server.sent["/robots.txt"]

    def page(self, path: str, html: str, **more: object) -> None:
        self.server.answers[path] = Answer(html.encode(), **more)  # type: ignore[arg-type]

    def _link(self) -> None:
        links = "".join(f'<a href="{quote(name)}">{number}</a>' for number, name in enumerate(self.names))
        # Part of the start page is always the same, so that only pages count as changed.
        self.server.answers["/docs/"] = Answer(
            f"<title>Start</title>{links}".encode(), headers={"X-Robots-Tag": "noindex"}
        )


class TestWeb(ConnectorContract):
    batches = "ingest.connectors.web"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(WebSource(tmp_path))

    def test_a_site_that_is_half_down_deletes_nothing(self, source: WebSource, sync: SmallSync) -> None:
        source.page("/docs/", '<a href="hub">hub</a>')
        source.page("/docs/hub", '<a href="leaf">leaf</a> Hub.')
        source.page("/docs/leaf", "Leaf.")
        sync.run(source.connector())
        source.server.answers["/docs/hub"] = Answer(status=500)
        sync.run(source.connector())
        assert len(sync.texts) == 3
        (source.folder / "work" / "crawls").rename(source.folder / "lost")
        connector = source.connector()
        sync.run(connector)
        assert not connector.lists_everything
        assert len(sync.texts) == 3

    def test_only_the_host_and_folder_of_the_start_are_crawled(self, source: WebSource, sync: SmallSync) -> None:
        source.page(
            "/docs/",
            '<a href="in">1</a><a href="/outside">2</a><a href="http://localhost:1/docs/x">3</a>'
            '<a href="//evil.example/docs/">4</a><a href="javascript:alert(1)">5</a><a href="file:///etc/passwd">6</a>'
            '<a href="http://user:pw@127.0.0.1/docs/">7</a><a href="in#part">8</a><a href="in?utm_source=x">9</a>'
            '<a href="../docs/./in">10</a><a rel="nofollow" href="shy">11</a><a href="pic.png">12</a>',
        )
        source.page("/docs/in", "Inside.")
        source.page("/docs/shy", "Shy.")
        source.page("/outside", "Outside.")
        source.page("/docs/pic.png", "png", content_type="image/png")
        sync.run(source.connector())
        assert set(sync.texts) == {f"{source.server.url}/docs/", f"{source.server.url}/docs/in"}
        assert set(source.server.asked) == {"/robots.txt", "/docs/", "/docs/in", "/docs/pic.png"}
        assert source.server.asked["/docs/in"] == 1

    def test_robots_txt_and_robots_directives_are_obeyed(self, source: WebSource, sync: SmallSync) -> None:
        source.page(
            "/robots.txt",
            "User-agent: *\nDisallow: /docs/private\n\nUser-agent: otherbot\nDisallow: /",
            content_type="text/plain",
        )
        source.page("/docs/", "".join(f'<a href="{name}">x</a>' for name in ("private", "meta", "tag", "dead", "ours")))
        source.page("/docs/private", "Private.")
        source.page("/docs/meta", '<meta name="robots" content="NoIndex"><a href="behind">x</a>')
        source.page("/docs/behind", "Behind.")
        source.page("/docs/tag", "Tag.", headers={"X-Robots-Tag": "otherbot: noindex"})
        source.page("/docs/dead", '<meta name="robots" content="none"><a href="hidden">x</a>')
        source.page("/docs/hidden", "Hidden.")
        source.page("/docs/ours", '<meta name="footnotebot" content="noindex">')
        sync.run(source.connector())
        paths = {url.removeprefix(source.server.url) for url in sync.texts}
        assert paths == {"/docs/", "/docs/behind", "/docs/tag"}
        assert "/docs/private" not in source.server.asked
        assert "/docs/hidden" not in source.server.asked
        agents = {headers["user-agent"] for _, headers in source.server.seen}
        assert all(agent.startswith("FootnoteBot/") for agent in agents)

    def test_a_redirect_counts_as_where_it_leads_and_a_canonical_address_as_what_it_names(
        self, source: WebSource, sync: SmallSync
    ) -> None:
        source.page("/docs/", "".join(f'<a href="{name}">x</a>' for name in ("old", "print", "out", "loop-a")))
        source.server.answers["/docs/old"] = Answer(status=301, headers={"Location": "new"})
        source.page("/docs/new", "New.")
        source.page("/docs/print", '<link rel="canonical" href="/docs/real">Print.')
        source.page("/docs/real", "Real.")
        source.server.answers["/docs/out"] = Answer(status=302, headers={"Location": "/outside"})
        source.page("/outside", "Outside.")
        source.page("/docs/loop-a", '<link rel="canonical" href="/docs/loop-b">A.')
        source.page("/docs/loop-b", '<link rel="canonical" href="/docs/loop-a">B.')
        sync.run(source.connector())
        assert {url.removeprefix(source.server.url) for url in sync.texts} == {
            "/docs/",
            "/docs/new",
            "/docs/real",
            "/docs/loop-b",
        }
        assert "/outside" not in source.server.asked

    @pytest.mark.parametrize("links", [("page",), ("page/",), ("page", "page/"), ("page/", "page")])
    def test_a_canonical_address_that_leads_back_to_the_page_leaves_it_listed(
        self, source: WebSource, sync: SmallSync, links: tuple[str, ...]
    ) -> None:
        source.page("/docs/", "".join(f'<a href="{name}">x</a>' for name in links))
        source.page("/docs/page", '<link rel="canonical" href="/docs/page/">Page.')
        source.server.answers["/docs/page/"] = Answer(status=301, headers={"Location": "/docs/page"})
        for _ in range(2):
            sync.run(source.connector())
            assert set(sync.texts) == {f"{source.server.url}/docs/", f"{source.server.url}/docs/page"}

    def test_a_crawl_that_finds_nothing_for_long_says_that_it_is_alive(
        self, source: WebSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.page("/docs/", "".join(f'<a href="{number}">x</a>' for number in range(5)))
        for number in range(4):
            source.page(f"/docs/{number}", '<meta name="robots" content="noindex">')
        source.page("/docs/4", "Text.")
        monkeypatch.setattr("ingest.connectors.web._QUIET_S", 0.0)
        connector = source.connector()
        assert [len(batch.items) for batch in connector.changes(None)] == [1, 0, 0, 0, 0, 1, 0]
        connector.close()
        sync.run(source.connector())
        assert set(sync.texts) == {f"{source.server.url}/docs/", f"{source.server.url}/docs/4"}

    def test_a_crawl_that_was_cut_short_deletes_nothing(self, source: WebSource, sync: SmallSync) -> None:
        for number in range(5):
            source.put(f"{number}.md", f"Text {number}.")
        sync.run(source.connector())
        connector = source.connector(max_pages=3)
        sync.run(connector)
        assert not connector.lists_everything
        assert len(sync.texts) == 5

    def test_depth_patterns_types_and_names(self, source: WebSource, sync: SmallSync) -> None:
        source.page("/docs/", '<a href="a/">a</a><a href="report.php">r</a><a href="secret/x">s</a>')
        source.page("/docs/a/", '<title> Two\n words </title><a href="b/">b</a>')
        source.page("/docs/a/b/", '<a href="c/">c</a>')
        source.page("/docs/a/b/c/", "too deep")
        source.page("/docs/secret/x", "excluded")
        source.page(
            "/docs/report.php",
            "%PDF-1.7",
            content_type="application/pdf",
            headers={"Last-Modified": "Tue, 05 Nov 2024 10:00:00 GMT"},
        )
        sync.run(source.connector(max_depth=2, exclude=["docs/secret/**"]))
        items = {url.removeprefix(source.server.url + "/docs/"): item for url, item in sync.items.items()}
        assert set(items) == {"", "a/", "a/b/", "report.php"}
        assert items["report.php"].file_name == "report.php.pdf"
        assert str(items["report.php"].modified_at) == "2024-11-05 10:00:00+00:00"
        assert items["a/"].title == "Two words"
        assert items["a/"].file_name == "a.html"
        assert "/docs/secret/x" not in source.server.asked
        assert "/docs/a/b/c/" not in source.server.asked

    def test_a_start_that_leads_to_another_host_is_not_followed(self, source: WebSource, sync: SmallSync) -> None:
        with web_server() as other:
            other.answers["/docs/"] = Answer(b"Other.")
            address = f"http://localhost:{other.server_port}/docs/"
            source.server.answers["/docs/"] = Answer(status=302, headers={"Location": address})
            with pytest.raises(ConnectorError, match="another host"):
                sync.run(source.connector())
            assert not other.asked

    def test_credentials_go_to_the_start_s_origin_only(self, source: WebSource, sync: SmallSync) -> None:
        with web_server() as other:
            other.answers["/docs/"] = Answer(b"Other.")
            source.secrets = lambda: {"authorization": "Bearer abc"}  # type: ignore[method-assign]
            source.page("/docs/", '<a href="away">x</a>')
            source.server.answers["/docs/away"] = Answer(status=302, headers={"Location": f"{other.url}/docs/"})
            sync.run(source.connector())
            assert all(headers["authorization"] == "Bearer abc" for _, headers in source.server.seen)
            assert not any("authorization" in headers for _, headers in other.seen)

    def test_busy_servers_are_asked_again_after_the_pause_they_name(self, source: WebSource, sync: SmallSync) -> None:
        source.page("/docs/", '<a href="busy">x</a>')
        source.server.answers["/docs/busy"] = Answer(status=429, headers={"Retry-After": "0"})
        sync.run(source.connector())
        assert source.server.asked["/docs/busy"] == 2
        assert sync.faults


class SitemapSource(WebSource):
    """The same pages, named by a sitemap: without dates first, so that their servers are asked."""

    kind = "sitemap"
    dated = False

    def options(self) -> dict[str, object]:
        return {"url": f"{self.server.url}/sitemap.xml", "delay_s": 0}

    def downloads(self) -> int:
        return super().downloads() - self.server.sent["/sitemap.xml"]

    def _link(self) -> None:
        entries = "".join(f"<url><loc>{self.id_of(name)}</loc>{self.lastmod(name)}</url>" for name in self.names)
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
        self.server.answers["/sitemap.xml"] = Answer(body.encode(), "application/xml", validators=False)

    def lastmod(self, name: str) -> str:
        if not self.dated:
            return ""
        content = self.server.answers[self.path_of(name)].body
        return f"<lastmod>2024-01-01T00:00:{sum(content) % 60:02}Z</lastmod>"


class TestSitemap(ConnectorContract):
    batches = "ingest.connectors.sitemap"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(SitemapSource(tmp_path))

    def test_an_unchanged_lastmod_costs_no_request_at_all(self, source: SitemapSource, sync: SmallSync) -> None:
        source.dated = True
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        source.put("a.md", "The apple is blue.")
        source.server.reset_counts()
        sync.run(source.connector())
        assert sync.fetched == [source.id_of("a.md")]
        assert source.server.asked == {"/robots.txt": 1, "/sitemap.xml": 1, source.path_of("a.md"): 1}

    @pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT00:00:00+00:00"])
    def test_a_page_may_change_twice_on_the_day_that_it_is_dated_with(
        self, source: SitemapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        today = datetime.now(UTC).strftime(form)
        source.lastmod = lambda name: f"<lastmod>{today}</lastmod>"  # type: ignore[method-assign]
        for text in ("red", "green", "green"):
            source.put("a.md", f"The apple is {text}.")
            before = source.downloads()
            sync.run(source.connector())
            assert text in sync.texts[source.id_of("a.md")].decode()
        assert source.downloads() == before
        # Once the day is over its date is learnt, and the page is asked for no more.
        monkeypatch.setattr("ingest.connectors.sitemap._SETTLED", timedelta(0))
        sync.run(source.connector())
        source.server.reset_counts()
        sync.run(source.connector())
        assert not source.server.asked[source.path_of("a.md")]

    def test_dates_that_are_none_are_harmless(self, source: SitemapSource, sync: SmallSync) -> None:
        source.lastmod = lambda name: "<lastmod>0001-01-01T00:00:00+14:00</lastmod>"  # type: ignore[method-assign]
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a.md")}

    def test_an_index_of_packed_sitemaps_is_read_and_a_broken_part_deletes_nothing(
        self, source: SitemapSource, sync: SmallSync
    ) -> None:
        source.put("a.md", "The apple is red.")
        part = source.server.answers["/sitemap.xml"].body
        source.server.answers["/part1.xml.gz"] = Answer(gzip.compress(part), "application/gzip", validators=False)
        index = "".join(
            f"<sitemap><loc>{source.server.url}/{name}</loc></sitemap>" for name in ("part1.xml.gz", "part2.xml")
        )
        source.server.answers["/sitemap.xml"] = Answer(f"<sitemapindex>{index}</sitemapindex>".encode())
        source.server.answers["/part2.xml"] = Answer(f"{source.server.url}/docs/b.md\n".encode(), "text/plain")
        source.server.answers["/docs/b.md"] = Answer(b"Pear.")
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a.md"), source.id_of("b.md")}
        source.server.answers["/part1.xml.gz"] = Answer(b"\x1f\x8bbroken", "application/gzip")
        connector = source.connector()
        sync.run(connector)
        assert set(sync.texts) == {source.id_of("a.md"), source.id_of("b.md")}
        assert not connector.lists_everything
        assert "part1.xml.gz" in next(iter(sync.faults))

    def test_an_index_whose_parts_name_nothing_new_for_long_says_that_it_is_alive(
        self, source: SitemapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.put("a.md", "The apple is red.")
        part = source.server.answers["/sitemap.xml"]
        names = ("first.xml", "same.xml", "none.xml")
        index = "".join(f"<sitemap><loc>{source.server.url}/{name}</loc></sitemap>" for name in names)
        source.server.answers["/sitemap.xml"] = Answer(f"<sitemapindex>{index}</sitemapindex>".encode())
        source.server.answers["/first.xml"] = source.server.answers["/same.xml"] = part
        source.server.answers["/none.xml"] = Answer(b"<urlset></urlset>", "application/xml")
        connector = source.connector()
        assert [len(batch.items) for batch in connector.changes(None)] == [1]
        monkeypatch.setattr("ingest.connectors.sitemap._QUIET_S", 0.0)
        # The index, the first part and its page, the second one and the same page, the third part, the end.
        assert [len(batch.items) for batch in connector.changes(None)] == [0, 0, 1, 0, 0, 0, 0]
        connector.close()
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a.md")}

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>no sitemap</html>",
            b"\x1f\x8b" + b"\x00" * 20,
            b"",
            b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><urlset><url><loc>&b;</loc></url>',
            gzip.compress(b" " * (60 * 2**20)),
        ],
    )
    def test_what_is_no_sitemap_is_an_error(self, source: SitemapSource, sync: SmallSync, body: bytes) -> None:
        source.server.answers["/sitemap.xml"] = Answer(body, "application/xml")
        with pytest.raises(ConnectorError, match="sitemap"):
            sync.run(source.connector())

    def test_other_hosts_and_disallowed_pages_are_left_out(self, source: SitemapSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        source.names += ["../../elsewhere"]
        source.page("/robots.txt", "User-agent: FootnoteBot\nDisallow: /docs/b", content_type="text/plain")
        body = source.server.answers["/sitemap.xml"].body
        more = b"<url><loc>http://other.example/</loc></url><url><loc>file:///etc/passwd</loc></url><url/></urlset>"
        source.server.answers["/sitemap.xml"] = Answer(body.replace(b"</urlset>", more))
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a.md")}
