import { describe, expect, it } from "vitest";
import type { Citation, Sentence } from "@/api/types";
import { toBlocks, type Block, type Part, type Run } from "./segments";

const citation = (source: number, quote = "q"): Citation => ({
  source,
  document_id: `d${source}`,
  version: 1,
  start: 0,
  end: quote.length,
  quote,
  support: 0.9,
});

/** A sentence where it first stands in the text, with offsets in code points as the server counts them. */
function sentence(
  whole: string,
  text: string,
  citations: Citation[] = [],
  status: Sentence["status"] = "supported",
): Sentence {
  const start = Array.from(whole.slice(0, whole.indexOf(text))).length;
  return { text, start, end: start + Array.from(text).length, status, citations };
}

const draw = (part: Part) => (part.kind === "citation" ? `<${part.number}>` : part.text);
const drawRun = (run: Run) => (run.sentence ? "S" : "-") + run.parts.map(draw).join("");
const drawBlock = (block: Block) =>
  block.kind === "paragraph"
    ? block.runs.map(drawRun)
    : { ordered: block.ordered, items: block.items.map((i) => i.map(drawRun)) };
const drawAll = (text: string, sentences: Sentence[] = [], sources: number[] = []) =>
  toBlocks(text, sentences, new Set(sources)).map(drawBlock);

describe("an answer as blocks", () => {
  it("puts each sentence in a run with its citations as parts", () => {
    const text = "Leave is 28 days [1]. Carry over 5 [2][1].";
    const sentences = [
      sentence(text, "Leave is 28 days [1].", [citation(1)]),
      sentence(text, "Carry over 5 [2][1].", [citation(2), citation(1)]),
    ];
    expect(drawAll(text, sentences)).toEqual([["SLeave is 28 days <1>.", "- ", "SCarry over 5 <2><1>."]]);
  });

  it("counts offsets in code points", () => {
    const text = "📎📎 First. Second 𝒳 [1].";
    const [block] = toBlocks(text, [sentence(text, "Second 𝒳 [1].", [citation(1)])], new Set());
    expect(block && drawBlock(block)).toEqual(["-📎📎 First. ", "SSecond 𝒳 <1>."]);
  });

  it("shows text behind the last checked sentence as unchecked, its markers only if they name a source", () => {
    const text = "Checked [1]. Not yet [1] [7]";
    expect(drawAll(text, [sentence(text, "Checked [1].", [citation(1)])], [1, 2])).toEqual([
      ["SChecked <1>.", "- Not yet <1> [7]"],
    ]);
  });

  it("leaves brackets alone that are no citation of their sentence", () => {
    const text = "See RFC [3] and [ref] [1].";
    expect(drawAll(text, [sentence(text, text, [citation(1)])], [1, 3])).toEqual([["SSee RFC [3] and [ref] <1>."]]);
  });

  it("takes a list of numbers in one pair of brackets", () => {
    const text = "Both say so [1, 2].";
    expect(drawAll(text, [sentence(text, text, [citation(1), citation(2)])])).toEqual([["SBoth say so <1><2>."]]);
  });

  it("adds citations without a marker behind the sentence", () => {
    const text = "Verbatim words.";
    expect(drawAll(text, [sentence(text, text, [citation(2), citation(3)])])).toEqual([["SVerbatim words.<2><3>"]]);
  });

  it("gives the second marker of a source that source's second quote", () => {
    const text = "One [1] and two [1].";
    const [block] = toBlocks(text, [sentence(text, text, [citation(1, "one"), citation(1, "two")])], new Set());
    const parts = block?.kind === "paragraph" ? block.runs.flatMap((run) => run.parts) : [];
    expect(parts.flatMap((part) => (part.kind === "citation" ? [part.citation?.quote] : []))).toEqual(["one", "two"]);
  });

  it("makes paragraphs at blank lines and joins single line breaks", () => {
    expect(drawAll("One\ntwo.\n\nThree.")).toEqual([["-One\ntwo."], ["-Three."]]);
  });

  it("makes lists, keeps their first number, and lets a sentence run over items", () => {
    const text = "You need:\n3. a form\n4. a stamp [1].\n\n- x\n- y";
    const whole = "You need:\n3. a form\n4. a stamp [1].";
    expect(drawAll(text, [sentence(text, whole, [citation(1)])])).toEqual([
      ["SYou need:"],
      { ordered: true, items: [["Sa form"], ["Sa stamp <1>."]] },
      { ordered: false, items: [["-x"], ["-y"]] },
    ]);
    expect(toBlocks(text, [], new Set())[1]).toMatchObject({ first: 3 });
  });

  it("makes no list of a single number, which belongs to the words that were quoted", () => {
    const text = "5. Meals [1]\nUp to 38 pounds a day.";
    expect(drawAll(text, [sentence(text, "5. Meals [1]", [citation(1)])])).toEqual([
      ["S5. Meals <1>", "-\nUp to 38 pounds a day."],
    ]);
  });

  it("finds a sentence by its words where its offsets do not fit the text so far", () => {
    const text = "Kept [1].";
    const moved = { ...sentence(text, text, [citation(1)]), start: 40, end: 49 };
    expect(drawAll(text, [moved])).toEqual([["SKept <1>."]]);
    expect(drawAll("Other words.", [moved])).toEqual([["-Other words."]]);
  });

  it("keeps markup, images and scripts as text", () => {
    const text = "<img src=x onerror=alert(1)> ![a](https://evil.test/?q=1) <script>1</script> javascript:alert(1)";
    const parts = toBlocks(text, [], new Set()).flatMap((b) =>
      b.kind === "paragraph" ? b.runs.flatMap((r) => r.parts) : [],
    );
    expect(parts.map(draw).join("")).toBe(text);
    expect(parts.filter((part) => part.kind === "link").map((part) => part.text)).toEqual(["https://evil.test/?q=1"]);
  });

  it("shows look-alike hosts in their ASCII form and does not link addresses with a user part", () => {
    const [block] = toBlocks("https://аpple.test/x https://bank.test@evil.test/", [], new Set());
    const parts = block?.kind === "paragraph" ? block.runs.flatMap((run) => run.parts) : [];
    expect(parts.map((part) => [part.kind, draw(part)])).toEqual([
      ["link", "https://xn--pple-43d.test/x"],
      ["text", " https://bank.test@evil.test/"],
    ]);
  });
});
