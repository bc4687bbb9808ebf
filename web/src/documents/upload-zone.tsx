/** Where files are dropped or chosen, who may read them, and how they get on. */

import { useQueryClient } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
import { useEffect, useState } from "react";
import { useDropzone } from "react-dropzone";
import { noticeSignedOut, useSignedIn } from "@/shell/session";
import { Button } from "@/ui/button";
import { Select } from "@/ui/field";
import { uploadChoices } from "./access";
import { useRefreshSoon } from "./documents";
import { UploadList } from "./upload-list";
import { sendAs, sendFiles } from "./uploads";
import styles from "./upload-zone.module.css";

export function UploadZone() {
  const me = useSignedIn();
  const [grant, setGrant] = useState("");
  const refresh = useRefreshSoon();
  const queries = useQueryClient();
  useEffect(() => {
    sendAs({ id: me.id, onSent: refresh, onSignedOut: (error) => noticeSignedOut(queries, error) });
  }, [me.id, refresh, queries]);
  const { getRootProps, getInputProps, isDragActive, open } = useDropzone({
    onDrop: (files) => sendFiles(files, grant === "" ? [] : [grant]),
    noClick: true,
    noKeyboard: true,
    // Chromium's own picker cannot be given files by a test, and the plain input does all that we need.
    useFsAccessApi: false,
  });
  return (
    <section aria-label="Send documents">
      <div
        {...getRootProps({ className: styles.zone, "data-active": isDragActive || undefined, role: "presentation" })}
      >
        <input {...getInputProps({ "aria-label": "Files to send", "data-testid": "upload-input" })} />
        <FileUp size={22} aria-hidden="true" className={styles.icon} />
        <div className={styles.words}>
          <p>{isDragActive ? "Drop them here" : "Drop files here, or choose them"}</p>
          <p className={styles.hint}>PDF, Word, PowerPoint, Excel, e-mail, web pages, Markdown, text and CSV</p>
        </div>
        <Select
          label="Who may read what you send"
          className={styles.access}
          value={grant}
          options={uploadChoices(me)}
          onChange={setGrant}
        />
        <Button weight="primary" onClick={open}>
          Choose files
        </Button>
      </div>
      <UploadList />
    </section>
  );
}
