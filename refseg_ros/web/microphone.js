// Takes what is said to the browser's microphone to the robot, which recognises it. Nothing goes anywhere else.
const RATE = 16000; // samples per second
// As the microphone hears it: what browsers do for people's ears spoils it for the recogniser.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const LONGEST = 10000; // milliseconds

export default {
  template: "<span></span>",
  methods: {
    async toggle() {
      if (this.recorder?.state === "recording") return this.recorder.stop();
      if (this.asks) return; // the browser still asks whether it may
      if (!navigator.mediaDevices) {
        return this.$emit("failed", "The browser gives its microphone to https pages and to its own machine only.");
      }
      this.asks = true;
      try {
        const sound = await navigator.mediaDevices.getUserMedia({ audio: RAW });
        const parts = [];
        const recorder = new MediaRecorder(sound);
        const end = setTimeout(() => recorder.stop(), LONGEST);
        recorder.ondataavailable = (event) => parts.push(event.data);
        recorder.onstop = () => {
          clearTimeout(end);
          sound.getTracks().forEach((track) => track.stop());
          this.take(new Blob(parts));
        };
        recorder.start();
        this.recorder = recorder;
        this.$emit("listening");
      } catch (error) {
        this.$emit("failed", `The microphone is not to be had: ${error.message}`);
      } finally {
        this.asks = false;
      }
    },
    async take(recorded) {
      try {
        const decoder = new OfflineAudioContext(1, 1, RATE);
        const sound = await decoder.decodeAudioData(await recorded.arrayBuffer());
        const samples = Int16Array.from(sound.getChannelData(0), (value) => Math.max(-1, Math.min(1, value)) * 32767);
        const answer = await fetch("/speech", { method: "POST", body: samples });
        if (!answer.ok) throw new Error(await answer.text());
        this.$emit("heard", await answer.json());
      } catch (error) {
        this.$emit("failed", `That was not heard: ${error.message}`);
      }
    },
  },
};
