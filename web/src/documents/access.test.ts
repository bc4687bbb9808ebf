import { describe, expect, it } from "vitest";
import { grantLabel, toGrant } from "./access";

describe("grants in words", () => {
  it.each([
    ["hr", "group:hr"],
    [" Ana@Example.com ", "user:ana@example.com"],
    ["Everyone", "everyone"],
    ["group:legal", "group:legal"],
    ["", null],
    ["two words", null],
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
