import { describe, expect, it } from "vitest";
import { splitLinks } from "./links";

const links = (text: string) => splitLinks(text).flatMap((part) => (part.kind === "link" ? [part] : []));
const shown = (text: string) => links(text).map((link) => link.text);

describe("addresses in text", () => {
  it("end where Chinese, Japanese or Korean goes on", () => {
    expect(splitLinks("詳細はhttps://example.com/a、を見る。")).toEqual([
      { kind: "text", text: "詳細は" },
      { kind: "link", href: "https://example.com/a", text: "https://example.com/a" },
      { kind: "text", text: "、を見る。" },
    ]);
    expect(shown("见https://example.com/a章节 및 https://example.com/b에서 （https://example.com/c）")).toEqual([
      "https://example.com/a",
      "https://example.com/b",
      "https://example.com/c",
    ]);
  });

  it("keep a bracket that they opened, and leave one of the sentence", () => {
    expect(shown("https://example.com/wiki/Set_(mathematics)")).toEqual(["https://example.com/wiki/Set_(mathematics)"]);
    expect(shown("(see https://example.com/wiki/Set_(mathematics)).")).toEqual([
      "https://example.com/wiki/Set_(mathematics)",
    ]);
    expect(shown("(https://example.com/a).")).toEqual(["https://example.com/a"]);
  });

  it("show letters instead of codes, and what leads elsewhere as codes", () => {
    const [link] = links("https://example.com/Stra%C3%9Fe/Zürich%20%E2%80%AEgpj?q=%ff");
    expect(link?.text).toBe("https://example.com/Straße/Zürich%20%E2%80%AEgpj?q=%ff");
    expect(link?.href).toBe("https://example.com/Stra%C3%9Fe/Z%C3%BCrich%20%E2%80%AEgpj?q=%ff");
  });

  it("show the host that will be visited", () => {
    expect(shown("https://exämple.com")).toEqual(["https://xn--exmple-cua.com"]);
    expect(shown("https://good.test\\.evil.test/x")).toEqual(["https://good.test/.evil.test/x"]);
    expect(shown("https://user:secret@evil.test/")).toEqual([]);
  });
});
