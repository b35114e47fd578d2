#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes source material for senders: constant-rate transport streams that loop without a seam.
#
#   tools/make_source.sh clip|test OUT.ts [WIDTHxHEIGHT] [FPS] [MUX_BITS] [aac|mp2] [VIDEO_BITS]
#
# clip  Big Buck Bunny (tests/media/bbb_2500ms.ts), speeded up to 25 frames per second
# test  ffmpeg's moving test picture and nothing of the outside world
#
# VIDEO_BITS: 70 % of MUX_BITS if not given; the rest of the multiplex is filled with null packets.
#
# H.264, closed GOP of 1 s, 24 s long: a whole number of pictures (of 24, 25, 30, 50 or 60 fps), of AAC and of MP2 frames.
# Each second begins with a flash (a white square for one tenth of a second, upper left) and a beep of 1 kHz of the same
# length, so that sound and picture can be measured against each other.
set -e
kind=$1 out=$2 size=${3:-1280x720} fps=${4:-25} rate=${5:-7000000} audio=${6:-aac}
[ -n "$out" ] || { sed -n '3,16s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
seconds=24
width=${size%x*} height=${size#*x}
case $kind in
clip) # 58 pictures of 24 fps become 2.4 s of 25 fps, ten times in a row; the sound of the clip below the beeps
    input="-i $root/tests/media/bbb_2500ms.ts"
    picture="[0:v]setpts=(PTS-STARTPTS)*24/25,fps=25,tpad=stop_mode=clone:stop_duration=1,trim=end_frame=60,loop=loop=-1:size=60:start=0,setpts=N/25/TB,fps=$fps,scale=$width:$height:flags=bicubic"
    sound="[0:a]aresample=48000,atempo=25/24,apad,atrim=end_sample=115200,aloop=loop=-1:size=115200,volume=0.3,asetpts=N/SR/TB"
    ;;
test)
    input="-f lavfi -i testsrc2=size=$size:rate=$fps"
    picture="[0:v]null"
    sound="aevalsrc=0:s=48000:c=stereo"
    ;;
*) echo "make_source.sh: \"$kind\" is neither clip nor test" >&2; exit 2 ;;
esac
box=$((height / 6))
case $audio in # as many frames as fit exactly into the 24 s; the encoder's delay is taken out again
aac) codec="-c:a aac -b:a 128k -frames:a 1125" suffix=aac delay=-0.021333333 ;;
mp2) codec="-c:a mp2 -b:a 192k -frames:a 1000" suffix=mp2 delay=-0.010020833 ;;
*) echo "make_source.sh: audio is aac or mp2" >&2; exit 2 ;;
esac
video_rate=${7:-$((rate * 70 / 100))}
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
run() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }
beep="0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.1)"
run $input -filter_complex "$picture,format=yuv420p,
drawbox=x=0:y=0:w=$box:h=$box:color=white:t=fill:enable='lt(mod(t,1),0.099)',
drawbox=x=0:y=0:w=$box:h=$box:color=black:t=fill:enable='gte(mod(t,1),0.099)'[v]" \
    -map '[v]' -frames:v $((seconds * fps)) -pix_fmt yuv420p -c:v libx264 -preset veryfast -profile:v high \
    -g "$fps" -keyint_min "$fps" -sc_threshold 0 -bf 2 -flags +cgop -x264-params "nal-hrd=cbr:force-cfr=1" \
    -b:v $video_rate -minrate $video_rate -maxrate $video_rate -bufsize $((video_rate / 2)) "$work/video.nut"
run $input -filter_complex "$sound[s];aevalsrc='$beep|$beep':s=48000[b];
[s][b]amix=inputs=2:normalize=0,aformat=channel_layouts=stereo[a]" -map '[a]' $codec -ar 48000 -ac 2 "$work/audio.$suffix"
# one frame of audio a PES packet, a PCR every 20 ms
run -i "$work/video.nut" -itsoffset $delay -i "$work/audio.$suffix" -c copy -f mpegts -muxrate "$rate" -pcr_period 20 \
    -pes_payload_size 0 -mpegts_flags +pat_pmt_at_frames -metadata service_name=biplane "$work/out.ts"
mv "$work/out.ts" "$out"
