import { describe, expect, it } from "vitest";
import type { Connector, ConnectorOption } from "@/api/types";
import { collected, formOf, initialText, labelOf } from "./options";

function option(name: string, given: unknown, more: Partial<ConnectorOption> = {}): ConnectorOption {
  return { name, description: "", required: false, secret: false, default: given, ...more };
}

const WEB: Connector = {
  name: "web",
  description: "A web site",
  options: [
    option("url", null, { required: true }),
    option("max_pages", 1000),
    option("include", []),
    option("path_style", true),
    option("init", {}),
    option("token", null, { secret: true }),
  ],
};

describe("options", () => {
  it("are typed as their defaults say", () => {
    expect(WEB.options.map(formOf)).toEqual(["text", "number", "lines", "checkbox", "json", "text"]);
    expect(WEB.options.map(initialText)).toEqual(["", "1000", "", "true", "", ""]);
    expect(labelOf(option("max_pages", 1))).toBe("Max pages");
  });

  it("become values of the kind that the server expects, secrets by their names apart", () => {
    const typed = {
      url: " https://example.com/ ",
      max_pages: "20",
      include: "*.html\n\n *.pdf ",
      path_style: "false",
      init: '{"a": [1]}',
      token: "wiki",
    };
    expect(collected(WEB, typed)).toEqual({
      options: {
        url: "https://example.com/",
        max_pages: 20,
        include: ["*.html", "*.pdf"],
        path_style: false,
        init: { a: [1] },
      },
      secrets: { token: "wiki" },
    });
  });

  it("that were left as they are are not said, so that better defaults of a later release count", () => {
    expect(collected(WEB, { url: "https://example.com/", include: " \n", max_pages: "1000" })).toEqual({
      options: { url: "https://example.com/" },
      secrets: {},
    });
  });

  it("in malformed JSON are refused by name", () => {
    expect(() => collected(WEB, { url: "x", init: "{" })).toThrow("Init is not valid JSON.");
  });
});
