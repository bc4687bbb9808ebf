import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/source-serif-4/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { Crash, CrashedApp } from "./shell/crash";
import { loadAt } from "./shell/navigation";
import { watchUpgrades } from "./shell/upgrades";

watchUpgrades();
const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root.");
createRoot(root).render(
  <StrictMode>
    <Crash fallback={<CrashedApp onLoad={() => loadAt("/")} />}>
      <App />
    </Crash>
  </StrictMode>,
);
