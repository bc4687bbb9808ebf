/** Which documents are listed. The choice stands in the address, so that going back finds it again. */

import { useSearchParams } from "react-router";
import type { DocumentFilter } from "@/api/documents";
import { STATES } from "@/api/types";
import { Select } from "@/ui/field";
import { SearchField } from "@/ui/search-field";
import { stateWord } from "./words";
import styles from "./documents-page.module.css";

const CHOICES: { value: DocumentFilter["state"]; label: string }[] = [
  { value: "", label: "Every state" },
  ...STATES.map((state) => ({ value: state, label: stateWord(state) })),
];

export function useFilter(): [DocumentFilter, (filter: DocumentFilter) => void] {
  const [params, setParams] = useSearchParams();
  const state: DocumentFilter["state"] = STATES.find((one) => one === params.get("state")) ?? "";
  const setFilter = (next: DocumentFilter) => {
    const kept = Object.entries({ ...next }).filter(([, value]) => value !== "");
    setParams(new URLSearchParams(kept), { replace: true });
  };
  return [{ q: params.get("q") ?? "", state }, setFilter];
}

interface DocumentFiltersProps {
  filter: DocumentFilter;
  onChange: (filter: DocumentFilter) => void;
}

export function DocumentFilters({ filter, onChange }: DocumentFiltersProps) {
  return (
    <search className={styles.filters}>
      <SearchField label="Find a document" value={filter.q} onChange={(q) => onChange({ ...filter, q })} />
      <Select
        label="State"
        className={styles.stateSelect}
        value={filter.state}
        options={CHOICES}
        onChange={(state) => onChange({ ...filter, state })}
      />
    </search>
  );
}
