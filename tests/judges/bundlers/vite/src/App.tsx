import { connect } from "@generated/index";
import { AbloProvider, useAblo } from "@generated/react";

const client = connect({ baseURL: location.origin, getToken: () => null });

function Count() {
  const count = useAblo((ablo) => ablo.reports.getCount({ where: { status: "draft" } }));
  return <h1>{`${count} drafts`}</h1>;
}

export default function App() {
  return (
    <AbloProvider client={client}>
      <Count />
    </AbloProvider>
  );
}
