import { program } from "@program";

export const dynamic = "force-dynamic";

export async function GET() {
  return new Response(await program(process.env.ABLO_URL ?? "", process.env.ABLO_KEY ?? ""));
}
