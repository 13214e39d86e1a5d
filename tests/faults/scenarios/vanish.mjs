// The primary vanishes behind a proxy that stands for the name.
import { vanishing } from "../vanishing.mjs";

export const scenarios = [(context) => vanishing(context)];
