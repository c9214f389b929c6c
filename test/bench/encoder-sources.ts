/** Makes the three kinds of clips that the encoder is measured with. */
import { join } from 'node:path';
import { runFfmpeg } from './ffmpeg-run.ts';
import { makeHandHeld } from './media.ts';

export interface EncoderSource {
  name: string;
  file: string;
}

/** All are 1080x1920 at 30 frames per second. */
export async function makeEncoderSources(
  ffmpeg: string,
  dir: string,
  seconds: number,
): Promise<EncoderSource[]> {
  const made = (name: string): EncoderSource => ({ name, file: join(dir, `${name}.mp4`) });
  const [handHeld, graphic, motion] = [made('hand-held'), made('graphic'), made('motion')];
  await makeHandHeld(ffmpeg, handHeld.file, seconds);
  await runFfmpeg(ffmpeg, lossless(GRAPHIC, graphic.file, seconds));
  await runFfmpeg(ffmpeg, lossless(MOTION, motion.file, seconds));
  return [handHeld, graphic, motion];
}

/**
 * Flat colours with hard edges, a sliding card, and lines of small marks in place of text. Installed fonts differ from
 * machine to machine; the output of these sources does not.
 */
const GRAPHIC = [
  'color=c=0xf2e6c8:s=1080x1920:r=30,drawbox=y=0:w=iw:h=300:c=0xd21f3c:t=fill,' +
    'drawbox=y=1500:w=iw:h=420:c=0x143a5a:t=fill[flat]',
  'testsrc2=s=360x640:r=30,crop=320:240:20:100,scale=960:720:flags=neighbor[card]',
  'cellauto=s=120x24:rule=110:r=30:ratio=0.4:seed=7:scroll=1,scale=960:192:flags=neighbor[text]',
  "[flat][card]overlay=x='60+40*sin(t*2)':y=360[slide]",
  "[slide][text]overlay=x=60:y='1560-60*abs(sin(t*3))',format=yuv420p",
].join(';');

/** Detail of every size that turns and moves fast under flickering light, as at a concert. Nothing stands still. */
const MOTION = [
  'mandelbrot=s=2160x3840:r=1:start_x=-0.743643887:start_y=-0.131825904:start_scale=0.01:maxiter=512,' +
    'trim=end_frame=1,format=yuv420p,gblur=2,loop=-1:1,setpts=N/30/TB,fps=30',
  "crop=1440:2560:x='360+340*sin(t*4)':y='640+600*cos(t*3)'",
  "rotate=a='0.15*sin(t*5)'",
  'crop=1080:1920',
  "eq=brightness='0.15*sin(t*11)':eval=frame",
  'noise=c0s=2:c0f=t,format=yuv420p',
].join(',');

function lossless(graph: string, out: string, seconds: number): string[] {
  return [
    ...['-v', 'error', '-y', '-filter_complex', `${graph}[v]`, '-map', '[v]', '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0', out],
  ];
}
