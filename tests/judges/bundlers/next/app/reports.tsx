"use client";

import { connect } from "@generated/index";
import { AbloProvider, useAblo } from "@generated/react";

const client = connect({ baseURL: "http://127.0.0.1:9", getToken: () => null });

function Count() {
  const count = useAblo((ablo) => ablo.reports.getCount({ where: { status: "draft" } }));
  return <h1>{`${count} drafts`}</h1>;
}

export function Reports() {
  return (
    <AbloProvider client={client}>
      <Count />
    </AbloProvider>
  );
}
