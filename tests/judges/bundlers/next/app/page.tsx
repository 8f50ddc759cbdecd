// A server component: the hooks that it imports are a part of the client.
import { AbloProvider } from "@generated/react";
import { Reports } from "./reports";

export default function Home() {
  return (
    <main>
      <Reports />
      <p>{`AbloProvider is a ${typeof AbloProvider}`}</p>
    </main>
  );
}
