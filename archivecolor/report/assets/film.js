// A film that plays in the viewer, in place of its frames: the result where browsers play it, or else its small copy.

/** What the viewer shows then. */
const PLAY = "play";

const film = {
  node: element("film"),
  /** When the frame is shown that it stands at, in seconds. */
  time: 0,

  get isShown() {
    return viewer.frame === PLAY;
  },

  setUp() {
    const { node } = this;
    node.addEventListener("error", () => this.fail());
    node.addEventListener("loadedmetadata", () => {
      if (!node.videoWidth) {
        this.fail(); // the browser knows its sound alone
        return;
      }
      zoom.size = [node.videoWidth, node.videoHeight];
      zoom.lay();
    });
    if (node.requestVideoFrameCallback) {
      const seen = (_, { mediaTime }) => {
        this.time = mediaTime;
        node.requestVideoFrameCallback(seen);
      };
      node.requestVideoFrameCallback(seen);
    } else node.addEventListener("timeupdate", () => (this.time = node.currentTime));
  },

  /** Load it where it is to be shown; elsewhere nothing may go on playing. */
  show(item) {
    const { node } = this;
    element("compare").classList.toggle("playing", this.isShown);
    if (this.isShown) {
      this.time = 0;
      node.className = `film luma-${item.matrix}`;
      node.src = item.plays === "copy" ? copyOf(item) : resultOf(item);
      node.focus({ preventScroll: true });
    } else if (node.hasAttribute("src")) {
      node.removeAttribute("src");
      node.load();
    }
  },

  playOrPause() {
    if (!this.isShown) return;
    if (this.node.paused) this.node.play();
    else this.node.pause();
  },

  fail() {
    if (!this.isShown) return;
    viewer.showFrame(null);
    say("This browser cannot play it. Open the result with a player.", 6);
  },
};
