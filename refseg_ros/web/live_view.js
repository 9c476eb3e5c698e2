// The camera's picture. It asks for the next one when it has drawn the last, so that nothing queues up.
const RETRY = 1000; // milliseconds until a lost connection is tried again
const WIDTH = 2.5; // of a box's line, CSS pixels

export default {
  template: `<canvas class="live-view" :class="{drawing: tool}" tabindex="0" role="img" :aria-label="label"
    @pointerdown="down" @pointermove="move" @pointerup="up" @dblclick="close" @keydown.enter="close"></canvas>`,
  props: { path: String, label: String, tool: String, brush: Number, colour: String },
  mounted() {
    this.points = [];
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.$el);
    this.open();
  },
  unmounted() {
    this.ended = true;
    this.resized.disconnect();
    this.socket.close();
  },
  watch: {
    tool() {
      this.points = [];
      this.draw();
    },
  },
  methods: {
    open() {
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      this.socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
      this.socket.binaryType = "arraybuffer";
      this.socket.onopen = () => this.ask("0");
      this.socket.onmessage = (event) => this.take(event.data);
      this.socket.onclose = () => this.ended || setTimeout(() => this.open(), RETRY);
    },
    ask(stamp) {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(stamp);
    },
    async take(data) {
      if (!data.byteLength) return this.ask("0");
      const length = new DataView(data).getUint32(0);
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
      const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
      await new Promise(requestAnimationFrame);
      this.picture?.close();
      [this.head, this.picture] = [head, picture];
      this.draw();
      this.$el.dataset.stamp = head.stamp;
      this.ask(head.stamp);
    },
    draw() {
      if (!this.picture) return;
      const canvas = this.$el;
      canvas.style.aspectRatio = `${this.picture.width} / ${this.picture.height}`;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) =>
        Math.round(side * devicePixelRatio),
      );
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d");
      context.drawImage(this.picture, 0, 0, width, height);
      const scale = width / this.picture.width;
      for (const mark of this.head.marks) this.drawMark(context, mark, scale);
      this.drawStroke(context, scale);
    },
    drawMark(context, { box, colour, name, dashed }, scale) {
      const [x, y, width, height] = box.map((value) => value * scale);
      context.lineWidth = (dashed ? WIDTH / 2 : WIDTH) * devicePixelRatio;
      context.strokeStyle = colour;
      context.setLineDash(dashed ? [6 * devicePixelRatio, 5 * devicePixelRatio] : []);
      context.beginPath();
      context.roundRect(x, y, width, height, 6 * devicePixelRatio);
      context.stroke();
      context.setLineDash([]);
      if (!name) return;
      const size = 12 * devicePixelRatio;
      context.font = `600 ${size}px system-ui, sans-serif`;
      const wide = context.measureText(name).width + size;
      const left = Math.max(0, Math.min(x, context.canvas.width - wide));
      const top = dashed ? y + height + 3 * devicePixelRatio : Math.max(0, y - 1.9 * size);
      context.fillStyle = dashed ? "rgba(20, 24, 28, 0.7)" : colour;
      context.beginPath();
      context.roundRect(left, top, wide, 1.6 * size, 0.8 * size);
      context.fill();
      context.fillStyle = dashed ? "#fff" : "#10151a";
      context.fillText(name, left + size / 2, top + 1.15 * size);
    },
    drawStroke(context, scale) {
      if (!this.points.length) return;
      context.lineJoin = context.lineCap = "round";
      context.lineWidth = this.tool === "polygon" ? WIDTH * devicePixelRatio : this.brush * scale;
      context.strokeStyle = this.tool === "eraser" ? "#ffffff99" : this.colour;
      context.beginPath();
      for (const [x, y] of this.points) context.lineTo((x + 0.5) * scale, (y + 0.5) * scale);
      if (this.points.length === 1) context.lineTo((this.points[0][0] + 0.6) * scale, (this.points[0][1] + 0.5) * scale);
      context.stroke();
    },
    // Returns whether it did. The first way is there on https and on the browser's own machine only.
    async copy(text) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        const before = document.activeElement;
        const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
        area.style.cssText = "position: fixed; opacity: 0";
        document.body.append(area);
        area.focus({ preventScroll: true });
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        before?.focus({ preventScroll: true });
        return copied;
      }
    },
    pixel(event) {
      const { width, height } = this.picture;
      const canvas = this.$el;
      return [
        Math.min(width - 1, Math.max(0, Math.floor((event.offsetX / canvas.clientWidth) * width))),
        Math.min(height - 1, Math.max(0, Math.floor((event.offsetY / canvas.clientHeight) * height))),
      ];
    },
    down(event) {
      if (!this.picture || event.button) return;
      if (!this.tool) return this.$emit("pixel", this.pixel(event));
      if (this.tool !== "polygon") this.$el.setPointerCapture(event.pointerId);
      this.points.push(this.pixel(event));
      this.draw();
    },
    move(event) {
      if (!this.points?.length || !event.buttons || this.tool === "polygon") return;
      this.points.push(this.pixel(event));
      this.draw();
    },
    up() {
      if (this.points?.length && this.tool !== "polygon") this.finish();
    },
    close() {
      if (this.tool === "polygon" && this.points.length > 2) this.finish();
    },
    finish() {
      this.$emit("stroke", this.points);
      this.points = [];
    },
  },
};
