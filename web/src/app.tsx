/** The app: what every page needs around it, and which page is at which address. */

import { CSPProvider } from "@base-ui/react/csp-provider";
import { Tooltip } from "@base-ui/react/tooltip";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { ChatPage } from "@/chat/chat-page";
import { NotFound } from "@/shell/not-found";
import { createQueries } from "@/shell/queries";
import { SignedIn, watchSession } from "@/shell/session";
import { Shell } from "@/shell/shell";
import { SignInPage } from "@/sign-in/sign-in-page";
import { Toasts } from "@/ui/toasts";

const DocumentsPage = lazy(() => import("@/documents/documents-page"));
const DocumentPage = lazy(() => import("@/documents/document-page"));
const DataSourcesPage = lazy(() => import("@/data-sources/data-sources-page"));
const OperationsPage = lazy(() => import("@/operations/operations-page"));
const UsersPage = lazy(() => import("@/users/users-page"));

const queries = createQueries();
watchSession(queries);

export function App() {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <Tooltip.Provider>
          <Toasts>
            <BrowserRouter>
              <Routes>
                <Route path="/sign-in" element={<SignInPage />} />
                <Route
                  element={
                    <SignedIn>
                      <Shell />
                    </SignedIn>
                  }
                >
                  <Route index element={<ChatPage />} />
                  <Route path="/c/:conversationId" element={<ChatPage />} />
                  <Route path="/documents" element={<DocumentsPage />} />
                  <Route path="/documents/:documentId" element={<DocumentPage />} />
                  <Route path="/data-sources" element={<DataSourcesPage />} />
                  <Route path="/operations" element={<OperationsPage />} />
                  <Route path="/users" element={<UsersPage />} />
                  <Route path="*" element={<NotFound />} />
                </Route>
              </Routes>
            </BrowserRouter>
          </Toasts>
        </Tooltip.Provider>
      </QueryClientProvider>
    </CSPProvider>
  );
}
