// A small plot of the last minutes, as plain SVG: lines over time, from zero up, and a cursor that the pointer
// and the arrow keys move.

import {element} from './dom.js';

const kWidth = 300, kHeight = 72;

function shape(name, attributes = {}) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

export class Plot {
  #points = [];
  #seconds = 1;
  #cursor = null;  // seconds ago
  #area = shape('path', {class: 'area'});
  #lines;
  #mark = shape('path', {class: 'cursor'});
  #reading = element('output.reading');
  #svg = shape('svg', {viewBox: `0 0 ${kWidth} ${kHeight}`, preserveAspectRatio: 'none', role: 'img', tabindex: '0'});

  // `say` makes a text of a point's values and of how many seconds ago it was.
  constructor(lines, say) {
    this.say = say;
    this.#lines = Array.from({length: lines}, (_, i) => shape('path', {class: `line line-${i}`}));
    this.#svg.append(this.#area, ...this.#lines, this.#mark);
    this.node = element('div.plot', {}, this.#svg, this.#reading);
    const move = (seconds) => {
      this.#cursor = seconds === null ? null : Math.min(this.#seconds, Math.max(0, seconds));
      this.#drawCursor();
    };
    this.#svg.addEventListener('pointermove', (event) => {
      const box = this.#svg.getBoundingClientRect();
      move((1 - (event.clientX - box.left) / box.width) * this.#seconds);
    });
    this.#svg.addEventListener('pointerleave', () => move(null));
    this.#svg.addEventListener('blur', () => move(null));
    this.#svg.addEventListener('keydown', (event) => {
      const step = {ArrowLeft: 5, ArrowRight: -5, Home: this.#seconds, End: -this.#seconds}[event.key];
      if (step === undefined && event.key !== 'Escape') return;
      event.preventDefault();
      move(step === undefined ? null : (this.#cursor ?? 0) + step);
    });
  }

  set label(text) {
    this.#svg.setAttribute('aria-label', text);
  }

  // `points`: [{ago, values}], the oldest first; a value of null is a gap. `most`: the least upper end.
  draw(points, seconds, most) {
    this.#points = points;
    this.#seconds = seconds;
    const top = Math.max(most, ...points.flatMap(({values}) => values.map((value) => value ?? 0))) * 1.1;
    const place = (ago, value) => `${((1 - ago / seconds) * kWidth).toFixed(1)} ${(kHeight - 2 - value / top * (kHeight - 4)).toFixed(1)}`;
    this.#lines.forEach((line, i) => {
      let path = '', open = false;
      for (const {ago, values} of points) {
        if (values[i] === null) continue;
        path += `${open ? 'L' : 'M'}${place(ago, values[i])}`;
        open = true;
      }
      line.setAttribute('d', path);
      if (i > 0) return;
      const known = points.filter(({values}) => values[0] !== null);
      this.#area.setAttribute('d', known.length > 1
        ? `${path}L${place(known.at(-1).ago, 0)}L${place(known[0].ago, 0)}Z` : '');
    });
    this.#drawCursor();
  }

  #drawCursor() {
    const near = this.#cursor === null ? undefined
      : this.#points.reduce((best, one) => !best || Math.abs(one.ago - this.#cursor) < Math.abs(best.ago - this.#cursor) ? one : best, undefined);
    const x = near ? ((1 - near.ago / this.#seconds) * kWidth).toFixed(1) : 0;
    this.#mark.setAttribute('d', near ? `M${x} 0V${kHeight}` : '');
    this.#reading.textContent = near ? this.say(near.values, Math.round(near.ago)) : '';
  }
}
