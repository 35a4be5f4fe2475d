// http_load: lean closed-loop HTTP/1.1 load generator. http_load port conns secs pipeline reqfile [server pids,...]
// reqfile: one or more complete requests; multi-request files are separated by a line "\n%%\n"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
typedef struct{int fd,have,need,outst;double ts[64];int th,tt;char b[65536];}C;
static double now(){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec+t.tv_nsec*1e-9;}
static double pcpu(char*p){double s=0;char*q=strdup(p),*sv,*x;for(x=strtok_r(q,",",&sv);x;x=strtok_r(0,",",&sv)){char f[64],b[1024];snprintf(f,64,"/proc/%s/stat",x);FILE*h=fopen(f,"r");if(!h)continue;b[fread(b,1,1023,h)]=0;fclose(h);char*r=strrchr(b,')');unsigned long u,k;if(sscanf(r+2,"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",&u,&k)==2)s+=u+k;}free(q);return s/sysconf(_SC_CLK_TCK);}
static char*rq[70000];static int rl[70000],nr;static long cur,done,bad;static double*lat;static long nl;
static void snd(C*c,int k){struct{char*p;int l;};static char o[1<<20];int l=0;double t=now();while(k--){memcpy(o+l,rq[cur],rl[cur]);l+=rl[cur];if(++cur==nr)cur=0;c->ts[c->tt++&63]=t;c->outst++;}int w=0;while(w<l){int n=write(c->fd,o+w,l-w);if(n<0){if(errno==EAGAIN)continue;perror("write");exit(1);}w+=n;}}
static int conn(int port){int fd=socket(AF_INET,SOCK_STREAM,0);struct sockaddr_in a={.sin_family=AF_INET,.sin_port=htons(port),.sin_addr.s_addr=htonl(INADDR_LOOPBACK)};if(connect(fd,(void*)&a,sizeof a)){perror("connect");exit(1);}int y=1;setsockopt(fd,IPPROTO_TCP,TCP_NODELAY,&y,4);fcntl(fd,F_SETFL,O_NONBLOCK);return fd;}
static int cmp(const void*a,const void*b){double x=*(double*)a,y=*(double*)b;return x<y?-1:x>y;}
int main(int ac,char**v){int port=atoi(v[1]),nc=atoi(v[2]);double dur=atof(v[3]);int pd=atoi(v[4]);char*pids=ac>6?v[6]:"";
 FILE*f=fopen(v[5],"r");fseek(f,0,2);long n=ftell(f);rewind(f);char*b=malloc(n+8);n=fread(b,1,n,f);char*p=b,*e=b+n;while(p<e){char*q=memmem(p,e-p,"\n%%\n",4);int l=(q?q:e)-p;rq[nr]=p;rl[nr++]=l;p=q?q+4:e;}
 lat=malloc(8*20000000L);int ep=epoll_create1(0);C*cs=calloc(nc,sizeof(C));double c0=pcpu(pids),t0=now();
 for(int i=0;i<nc;i++){cs[i].fd=conn(port);struct epoll_event ev={.events=EPOLLIN,.data.ptr=&cs[i]};epoll_ctl(ep,EPOLL_CTL_ADD,cs[i].fd,&ev);snd(&cs[i],pd);}
 struct epoll_event ev[256];double t=t0;while((t=now())-t0<dur){int k=epoll_wait(ep,ev,256,100);for(int i=0;i<k;i++){C*c=ev[i].data.ptr;int r=read(c->fd,c->b+c->have,sizeof c->b-c->have-1);if(r<=0){if(r<0&&errno==EAGAIN)continue;bad++;close(c->fd);c->fd=conn(port);c->have=c->need=c->outst=0;c->th=c->tt=0;struct epoll_event e2={.events=EPOLLIN,.data.ptr=c};epoll_ctl(ep,EPOLL_CTL_ADD,c->fd,&e2);snd(c,pd);continue;}c->have+=r;int fin=0;
  for(;;){if(!c->need){c->b[c->have]=0;char*h=memmem(c->b,c->have,"\r\n\r\n",4);if(!h)break;if(memcmp(c->b+9,"200",3))bad++;char sv=h[2];h[2]=0;char*cl=strcasestr(c->b,"\r\ncontent-length:");h[2]=sv;if(!cl){fprintf(stderr,"no content-length: %.300s\n",c->b);exit(1);}c->need=h+4-c->b+atoi(cl+17);}
   if(c->have<c->need)break;memmove(c->b,c->b+c->need,c->have-c->need);c->have-=c->need;c->need=0;done++;fin++;c->outst--;double tn=now();if(nl<20000000)lat[nl++]=tn-c->ts[c->th++&63];}
  if(fin)snd(c,fin);}}
 double el=now()-t0,sc=pcpu(pids)-c0;qsort(lat,nl,8,cmp);printf("%9.0f req/s cpu/req %6.2fus per-core %8.0f/s core-use %.2f p50 %.0fus p99 %.0fus bad %ld\n",done/el,sc/done*1e6,sc>0?done/sc:0,sc/el,lat[nl/2]*1e6,lat[(long)(nl*.99)]*1e6,bad);}
