// A page that shows the title of a report, for a script that sends events and cuts its network.

import { assert, client, main, sleep, until } from "./support.js";

interface Page {
  title?: string | undefined;
  over?: boolean;
  addEventListener(type: string, listener: () => void, capture: boolean): void;
  events?: string[];
}

const page = globalThis as unknown as Page;

main(async () => {
  const ablo = client({ dangerouslyAllowBrowser: true });
  await ablo.ready();
  await until(() => ablo.syncStatus.state === "live", "the state is live");
  page.events = [];
  for (const type of ["freeze", "resume", "online"])
    page.addEventListener(type, () => page.events!.push(type), true);
  ablo.reports.onChange(([row]) => (page.title = row?.title));
  while (page.over !== true) await sleep(50);
  assert(ablo.syncStatus.state === "live", "the state is still live");
  ablo.close();
});
