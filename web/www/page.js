// What is seen. All that computes is in the worker.
const $ = (id) => document.getElementById(id);
const worker = new Worker('worker.js', { type: 'module' });
const waiting = new Map();
let number = 0;
let palette, looked, painted, attacked;
let isRunning = false;

function ask(call, given) {
  return new Promise((resolve, reject) => {
    waiting.set(++number, { resolve, reject });
    worker.postMessage({ number, call, given });
  });
}

worker.onmessage = ({ data }) => {
  if (data.progress) return showProgress(data.progress);
  const { resolve, reject } = waiting.get(data.number);
  waiting.delete(data.number);
  data.error === undefined ? resolve(data.result) : reject(new Error(data.error));
};
worker.onerror = (event) => {
  say(`the worker has failed (${event.message}); load the page anew, with a smaller image or model`);
  for (const { reject } of waiting.values()) reject(new Error('the worker has failed'));
  waiting.clear();
};

const say = (text) => { $('message').textContent = text; };

async function trying(work) {
  say('');
  try { return await work(); } catch (error) { say(error.message); }
}

function draw(canvas, pixels, width, height, labels) {
  canvas.width = width;
  canvas.height = height;
  const data = new Uint8ClampedArray(pixels);
  if (labels) {
    const left = (width - looked.labelWidth) >> 1;
    const top = (height - looked.labelHeight) >> 1;
    for (let y = 0; y < looked.labelHeight; y++) {
      for (let x = 0; x < looked.labelWidth; x++) {
        const label = labels[y * looked.labelWidth + x];
        if (label === 0) continue;
        const at = 4 * ((top + y) * width + left + x);
        for (let c = 0; c < 3; c++) data[at + c] = 0.6 * data[at + c] + 0.4 * palette[3 * label + c];
      }
    }
  }
  canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
}

const isPainting = () => $('target').value === 'painted';

function showTarget(labels) {
  if (looked) draw($('wanted'), looked.pixels, looked.width, looked.height, labels);
}

async function look() {
  looked = undefined;
  $('run').disabled = true;
  looked = await ask('look');
  painted = looked.labels.slice();
  draw($('source'), looked.pixels, looked.width, looked.height, looked.labels);
  showTarget(isPainting() ? painted : undefined);
  for (const id of ['adversarial', 'perturbation']) $(id).width = $(id).height = 1;
  $('class').replaceChildren(...Array.from({ length: looked.classes }, (_, c) => new Option(c === 0 ? '0, background' : c, c)));
  $('class').value = 1;
  $('lines').textContent = looked.lines;
  $('download').hidden = true;
  $('run').disabled = isRunning;
}

async function take(call, name, bytes) {
  await trying(async () => {
    const lines = await ask(call, { name, bytes: new Uint8Array(bytes) });
    await look();
    if (lines) $('lines').textContent = `${lines}\n${$('lines').textContent}`;
  });
}

const takeFile = async (file) =>
  take(/\.safetensors$/i.test(file.name) ? 'setModel' : 'setImage', file.name, await file.arrayBuffer());

const WITHOUT_BUDGET = ['asma', 'dag', 'alma-prox', 'pdpgd'];
const rows = [];
// Of the image that was attacked, unless another has been opened meanwhile.
function showAttacked({ pixels, perturbation, labels }) {
  if (attacked !== looked) return;
  const { width, height } = looked;
  draw($('adversarial'), pixels, width, height, labels);
  draw($('perturbation'), perturbation, width, height);
}

function showProgress({ iterations, row, ...moment }) {
  if (moment.pixels) showAttacked(moment);
  rows.push(row);
  const points = rows.map(({ iteration, iou }) => `${(400 * iteration) / iterations},${118 - 116 * iou}`);
  $('course').innerHTML = `<polyline points="${points.join(' ')}"/>`;
  $('numbers').textContent =
    `iteration ${row.iteration} of at most ${iterations}: IoU ${row.iou.toFixed(4)}, L2 ${row.l2.toFixed(4)}, L∞ ${row.linf.toFixed(4)}`;
}

async function attack() {
  isRunning = true;
  attacked = looked;
  rows.length = 0;
  $('run').disabled = true;
  $('stop').disabled = false;
  const attack = $('attack').value;
  const options = { iterations: $('iterations').value };
  if (attack === 'asma') options['stop-iou'] = $('stop-iou').value;
  if (!WITHOUT_BUDGET.includes(attack)) options.eps = `${$('eps').value}/255`;
  const settings = { attack, target: $('target').value, options };
  const done = await trying(() => ask('attack', { settings, painted: isPainting() ? painted : undefined }));
  if (done) {
    if (attacked === looked) showTarget(done.target);
    showAttacked(done);
    const saved = done.summary.results.rounded_to_8_bits;
    const iterations = done.summary.iterations;
    $('numbers').textContent =
      `${iterations} iterations in ${(done.milliseconds / 1000).toFixed(1)} s, ${done.summary.stop_reason}; as a PNG of 8 bits: ` +
      `IoU ${saved.iou.toFixed(4)}, L2 ${saved.l2.toFixed(4)}, L∞ ${saved.linf.toFixed(4)}` +
      (done.summary.likeness ? `; ${done.summary.likeness.in_words}` : '');
    $('lines').textContent = done.lines;
    URL.revokeObjectURL($('download').href);
    $('download').href = URL.createObjectURL(new Blob([done.png], { type: 'image/png' }));
    $('download').hidden = false;
    window.asma = { summary: done.summary, milliseconds: done.milliseconds, png: done.png };
  }
  isRunning = false;
  $('run').disabled = !looked;
  $('stop').disabled = true;
}

function paint(event) {
  if (!isPainting() || !looked || isRunning || !(event.buttons & 1)) return;
  const canvas = $('wanted');
  const box = canvas.getBoundingClientRect();
  const at = (position, start, side, length, cells) => ((position - start) / side) * length - ((length - cells) >> 1);
  const x = at(event.clientX, box.left, box.width, looked.width, looked.labelWidth);
  const y = at(event.clientY, box.top, box.height, looked.height, looked.labelHeight);
  const radius = Number($('radius').value);
  for (let row = Math.max(0, Math.ceil(y - radius)); row < Math.min(looked.labelHeight, y + radius); row++) {
    for (let column = Math.max(0, Math.ceil(x - radius)); column < Math.min(looked.labelWidth, x + radius); column++) {
      if ((row - y) ** 2 + (column - x) ** 2 <= radius ** 2) painted[row * looked.labelWidth + column] = Number($('class').value);
    }
  }
  showTarget(painted);
}

$('form').onsubmit = (event) => { event.preventDefault(); attack(); };
$('stop').onclick = () => ask('stop');
$('model').onchange = ({ target }) => target.files[0] && takeFile(target.files[0]);
$('image').onchange = ({ target }) => target.files[0] && takeFile(target.files[0]);
$('target').onchange = () => {
  $('brush').hidden = !isPainting();
  $('wanted').classList.toggle('paintable', isPainting());
  showTarget(isPainting() ? painted : undefined);
};
$('clear').onclick = () => { painted?.fill(0); showTarget(painted); };
$('from-prediction').onclick = () => { painted = looked?.labels.slice(); showTarget(painted); };
for (const name of ['pointerdown', 'pointermove']) $('wanted').addEventListener(name, paint);
document.ondragover = (event) => event.preventDefault();
document.ondrop = async (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer.files) await takeFile(file);
};
onbeforeunload = () => worker.terminate();

async function begin() {
  const choice = new URLSearchParams(location.search).get('device') ?? 'auto';
  const { device, isGpu, palette: colours } = await ask('open', { choice });
  palette = colours;
  $('device').textContent = isGpu ? `Computes on ${device}.` : `Computes on the ${device}. It is slower, and comes to the same.`;
  const demo = async (name) => {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name} is not beside this page`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const lines = await ask('setModel', { name: 'fundus.safetensors', bytes: await demo('fundus.safetensors') });
  await ask('setImage', { name: 'demo.png', bytes: await demo('demo.png') });
  await look();
  $('lines').textContent = `${lines}\n${$('lines').textContent}`;
  document.body.dataset.ready = 'true';
}
trying(begin);
