import { describe, expect, it } from "vitest";
import type { Me } from "@/api/types";
import { allReaders, grantLabel, isReadable, toGrant, uploadChoices } from "./access";

describe("grants in words", () => {
  it.each([
    ["hr", "group:hr"],
    [" Ana@Example.com ", "user:ana@example.com"],
    ["Everyone", "everyone"],
    ["group:legal", "group:legal"],
    ["", null],
    ["two words", null],
    ["a,b", null],
    ["a:b", null],
    ["x".repeat(200), null],
  ])("%j is meant as %j", (typed, grant) => {
    expect(toGrant(typed)).toBe(grant);
  });

  it.each([
    ["everyone", "Everyone"],
    ["group:hr", "hr (group)"],
    ["user:ana@example.com", "ana@example.com"],
  ])("%s reads %s", (grant, words) => {
    expect(grantLabel(grant)).toBe(words);
  });
});

const ANA: Me = {
  id: "u1",
  email: "ana@example.com",
  name: "Ana",
  is_admin: false,
  has_password: true,
  signs_in_elsewhere: false,
  groups: ["hr"],
  grants: ["everyone", "group:hr", "user:ana@example.com"],
  scopes: [],
};

describe("who may read what is sent", () => {
  it("says so where it is only oneself: without grants, a file sent again keeps its readers", () => {
    const choices = uploadChoices(ANA);
    expect(choices.find(({ label }) => label === "Only I may read")?.value).toBe("user:ana@example.com");
    expect(choices[0]).toEqual({ value: "", label: "As before; new files only I" });
  });
});

describe("readers as they are put together", () => {
  it("count the one that is typed and not added yet", () => {
    expect(allReaders({ grants: ["everyone"], typed: "hr " })).toEqual(["everyone", "group:hr"]);
    expect(allReaders({ grants: ["everyone"], typed: " " })).toEqual(["everyone"]);
  });

  it("are none while what is typed names nobody", () => {
    expect(allReaders({ grants: ["everyone"], typed: "two words" })).toBeNull();
  });
});

describe("whether there is a version to read", () => {
  const ready_at = "2026-01-01T00:00:00Z";
  it.each([
    ["none is ready", { ready_at: null, grants: ["everyone"] }, false],
    ["one is, of an editor who is among its readers", { ready_at, grants: ["group:hr"] }, true],
    ["one is, of an editor who only manages it", { ready_at, grants: ["group:legal"] }, false],
    ["one is, of a reader", { ready_at, grants: null }, true],
  ])("where %s", (_where, document, readable) => {
    expect(isReadable(document, ANA)).toBe(readable);
  });
});
