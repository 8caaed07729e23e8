// The one thread that computes. It answers each message by one of the same number: a result, or what went wrong.
import start, { Session } from './pkg/asma_web.js';

let session;

const calls = {
  async open({ choice }) {
    await start({ module_or_path: new URL('./pkg/asma_web_bg.wasm', import.meta.url) });
    session = await Session.open(choice);
    return { device: session.device(), isGpu: session.is_gpu(), palette: Session.palette() };
  },
  async setModel({ name, bytes }) { return session.set_model(name, bytes); },
  async setImage({ name, bytes }) { session.set_image(name, bytes); },
  async look() {
    const { width, height, pixels, label_width, label_height, labels, classes, lines } = await session.look();
    return { width, height, pixels, labelWidth: label_width, labelHeight: label_height, labels, classes, lines };
  },
  async attack({ settings, painted }) {
    const began = performance.now();
    const progress = (iterations, row, moment) => {
      const { pixels, perturbation, labels } = moment ?? {};
      postMessage({ progress: { iterations, row: JSON.parse(row), pixels, perturbation, labels } });
      moment?.free();
    };
    const { summary, lines, png, pixels, perturbation, target, labels } =
      await session.attack(JSON.stringify(settings), painted, progress);
    const milliseconds = performance.now() - began;
    return { summary: JSON.parse(summary), lines, png, pixels, perturbation, target, labels, milliseconds };
  },
  async stop() { session.stop(); },
};

onmessage = async ({ data: { number, call, given } }) => {
  try {
    postMessage({ number, result: await calls[call](given ?? {}) });
  } catch (error) {
    postMessage({ number, error: error.message ?? String(error) });
  }
};
