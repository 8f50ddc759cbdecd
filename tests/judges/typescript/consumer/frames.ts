// The `type` of a frame determines its payload.
import type { wire } from "./typescript/index.js";

export const ping: wire.ClientFrame = { type: "ping" };
export const release: wire.ClientFrame = { type: "release", payload: { claimId: "participant:1" } };
// @ts-expect-error a release names its claim
export const empty: wire.ClientFrame = { type: "release", payload: {} };

export function position(frame: wire.ServerFrame): number | undefined {
  // @ts-expect-error most frames have no position
  frame.payload.position;
  return frame.type === "intent_queued" ? frame.payload.position : undefined;
}

// Frames of an application have their own type.
export const cursor: wire.OtherClientFrame = { type: "slide_cursor", payload: { x: 1, y: 2 } };

export const commit: wire.CommitFrame = {
  clientTxId: "tx_1",
  operations: [
    { type: "UPDATE", model: "stations", id: "s_1", input: { name: "Observatoriet" }, readAt: 412 },
  ],
};
