jeff daniels played in the hawaii five - o episode the flight of the jewels
in 1982 , jed jenkins in american playhouse was played by jeff daniels .
jeff daniels hosted an episode of saturday night live in 1991 .
jeff daniels was in planet sheen in the role of glonb .
jeff daniels played in 19 episodes of the newsroom .
yoshifumi miyamoto had a time of 1 : 02 : 38 .
joaquim pinheiro achieved a 1 : 02 : 40 time for portugal .
the date for the tournament mcdonald ' s wpga championship is 9 aug 1998 .
when the winning score was 71 - 69 - 67 - 69 = 276 , the margin of victory was 5 strokes .
when the winning score was 74 - 67 - 71 - 73 = 285 , the to par was - 3 .
the date of the winning score 74 - 67 - 71 - 73 = 285 is 2 aug 2009 .
the ktm motorcycle achieved 1st .
january 31 , 1994 championship was australian open , melbourne , australia
table title : todd martin championship in washington d . c . , usa has a hard surface with date of july 26 , 1993
ailee won the rookie award in 2013 at the 23rd seoul music awards
heaven won cyworld digital music awards for category rookie & song of the month ( february ) in 2012
mccain got 65 . 38 % .
obama got 39 . 55 % in the county where 3909 people voted in total .
obama got 75 . 51 % in the county where mccain got 3648 votes .
from 1961 to 1996 , the aston villa football league won the cup five times , and was the runner up in 3 .
when li fuyu was the stage winner , anuar manan won the points classification .
during the 2008 superleague formula season , beijing guoan was the pole position of a round 1 donington park race .
on august 31 , 2008 , sevilla fc won a superleague formula race , and gta motor competición was the winning team .
psv eindhoven had the fastest lab on the nurburgring , and a . c . milan was the winning club at that race .
in round 2 on the nurburgring , azerti motorsport was the winning team on september 21 , 2008 .
on october 5 , 2008 , liverpool f . c . got the fastest lap at a zolder race .
the intermediate ( south ) winners of the 2005 - 06 season is the southmead athletic
the minor ( south ) winners of the 2007 - 08 season is the bristol sanctuary xi
axis & allies : battle of the bulge were released in 2006 .
the 123rd episode in the series was directed by joel zwick .
patrick duffy directed " the kissing game " .
adam markowitz directed the 120th episode in the series .
in 1979 , the championship was the us open and the surface was hard .
in yankton , south dakota , 89 . 7 fm plays south dakota public broadcasting .
kk93 , on 93 . 1 fm , plays country music .
riverfront broadcasting llc owns the dam , which plays mainstream rock .
the wolf 104 . 1 is licensed in yankton .
classic hits are played on 106 . 3 fm .
nelly was featured in 20 questions when the subject of the interview was mike piazza .
the centerfold that featured luci victoria was on 9 - 03 .
curtis was at position left tackle .
jorrit de ruiter and samantha barning won mixed doubles in the 2012 norwegian international .
olga konon was the women ' s singles champion , while lotte jonathans and paulien van dooremalen won women ' s doubles .
marc zwiebler won men ' s singles at the 2007 norwegian international .
juliane schenk won the women ' s singles and marc zwiebler won the men ' s singles .
in the 2006 norwegian international , anton nazarenko and andrey ashmarin won men ' s doubles , while the mixed doubles champions were imam sokidin and irawan elin bergblom
tine rasmussen was the women ' s singles winner in 2002 .
mandy patinkin was the actor for the pool man in the 1978 movie the big fix .
mandy patinkin was nominated for the golden globe award for best actor - motion picture musical or comedy for his performance in the 1983 movie yentl as avigdor .
mandy patinkin played detective samuel ' george ' francisco in the 1988 movie alien nation .
the irate man in the 1993 movie life with mikey was played by mandy patinkin .
in the 2001 movie piñero , mandy patinkin was casted as joseph papp .
central colleges of the philippines ccp bobcats has 54 stunts .
it ranks 11th with a total of 211 . 5
do you know is a song from 2002 .
favorite things is a single released in 2004
in 2011 , saigon released bring me down .
the greatest story never told was released in 2011 .
the greatest story never told did not make the national r & b or rap charts .
the stem of the pitch drop experiment was cut in 1930 .
the 3rd drop of pitch fell in april , 1954 , taking a total of 86 months since the last drop had fallen .
in 1962 the pitch drop experiment lasted 8 . 1 years for the 4th drop fell .
in august , 1970 , the 5th drop of pitch fell , and it had been 8 . 3 years since the previous drop had fallen .
it had been 111 months since the last drop had fallen when the 7th drop of pitch fell in july 1988 .
when the 8th drop of pitch fell on 28 november 2000 , 12 . 3 years had passed since the last drop had fallen .
the incumbent first elected in 1994 belongs to democratic .
the bmw 728i model has a volume 2 . 8l and an m52b28 i6 engine
the bmw 728il model has an m52b28 i6 engine with petrol fuel and has been produced 6816 times
the bmw 730i model has been produced 20876 times from 1994 to 1996
the bmw 730il model has a 3 . 0l volume and an m60b30 v8 engine using petrol fuel .
the bmw 735i model has a 3 . 5l volume , 173 kw ( 235 ps ; 232 hp ) power , and 320 n · m ( 236 lb · ft ) torque
the bmw 7 series ( e38 ) 735i model runs on petrol and has a volume of 3 . 5l .
bmw 7 series includes the 740i model with the m62b44 engine with 282 hp from the year 1996 to 1998 , where 88853 were produced .
released for ps2 , gamecube , xbox , xbox 360 , and the wii , bionicle heroes is a third - person shooter game that was also released in a nintendo ds handheld version .
debuted in 2002 , bionicle : matoran adventures is a lego video game for the game boy advance platform .
lego battles is a real - time strategy video game for the nintendo ds .
as a construction and management simulation game , lego creator : knights kingdom was released in 2000 .
an action adventure game , lego island 2 the brickster ' s revenge was released for windows , playstation , and the game boy advance .
the hamilton tiger - cats drafted an ol .
craig zimmer went to regina .
the player who is lb and whose cfl team is the saskatchewan roughriders is craig zimmer .
the cfl team with ryan folk is the winnipeg blue bombers .
ljungskile sk played at tier 3 division 2 in 1993 .
ljungskile sk played at tier 2 , divison 1 södra .
ranked 1st in the 2001 season , ljungskile sk took part in the promotion playoffs .
sports stats for ljungskile sk
ljungskile sk once ranked 4th in tier 2 superettan .
after finishing 2007 in the superettan division , the ljungskile sk was promoted .
ljungskile finished in 6th on tier 2 in 2006 .
ljungskile sk was in 2nd place during the 2003 season .
" charisma " had 16 . 38 million u . s . viewers .
the production code of the episode written by josé molina that aired on october 12 , 2004 is e5205 .
the original air date of the episode " quarry " was january 25 , 2005 .
" hooked " was directed by jean de segonzac .
8 , 024 people showed up for the first game .
they will play their fifth game , with the rochester knighthawks as their opponent , on january 29 .
the match against the philadelphia wings will be held on february 10 , 2006 , at the xcel energy center .
the team won 14 - 12 on 17 march , bringing their record to 6 - 5 .
their 10 - 9 victory over the toronto rock occured on 1 april .
in game 3 of the 2006 swarm there were 10 , 637 in attendance .
during the 2006 minnesota swarm season , the 9th game was on march 3 , 2006 against toronto rock in front of a crowd of 15830 people .
cardiss collins belongs to democratic .
william b . oliver was the incumbent when ran william b . oliver ( d ) unopposed .
levels 9 and 10 in football league pyramid entered an extra preliminary round .
fourth round qualifying had 24 new entries .
fourth round proper had 32 clubs involved .
none entered in rounds where there were 16 winners from the previous round .
the french title for " papa bramble ' s secret is " le secret d ' onésime " .
the english title for the official number 22 episode is " papa bramble ' s secret .
the batting team where the runs are 276 is prime doleshwar .
the batting partners with runs of 226 is nigel llong and matthew fleming .
the batting team with the batting partnets of thilina kandamby and rangana herath is sri lanka a .
the fielding team with 155 runs is durham .
pcmu has an audio type
reserved ( previously 1016 ) has an audio type with 1 channel
reserved ( previously g721 ) has 1 channel and 8000 hz clock rate
gsm has 3 payload type ( pt )
g723 of audio type has 30 ms frame size
judge don albert pardee from state la was born in 1837 and died in 1919
judge andrew phelps mccormick from state tx is active during 1892 and 1916
judge david davie shelby from state al was born in 1847 and died in 1914 , and is active during 1899 and 1914
judge richard wilde walker , jr . from state al is appointed by wilson
judge rufus edward foster from la state appointed by coolidge is active during 1925 and 1942
samuel hale sibley ( 1873 - 1958 ) was appointed by hoover , and served from 1931 to 1949 .
on june 9th , the north open golf tournament began with a grand purse of 80 , 000 .
3rd march south open tournament winner is rafeal gomez and a prize value is 100000
the time ( eet ) was 10 : 46 and the time was 21 : 09 . 2 .
stage ss10 has time 15 : 17 .
stage ss11 is named kourdali .
april25 , 2002 did the episode with a production code of 4301085 originally air .
episode 15 of the season originally air march14 , 2002 .
week 1 was september 12 , 1982 .
in week 2 , the washington redskins played the tampa bay buccaneers .
the washington redskins w 13 - 9 at rfk stadium .
there were 35308 in attendance in week 13 .
week 14 resulted in a 6 - 1 record for the washington redskins .
the date of the game in week 14 was december 19 , 1982 .
jason had a net vote of 34 . 46 % .
the percentage of national votes for mahmoud ahmadinejad was 19 . 43 .
80 points were made with 83 tries .
the try bonus for ruthin rfc is 4 .
llandudno rfc has 4 losing points .
the losing bonus was 5 when the points were 24 .
4 . 0 have a kilometers of 233 .
the peru earthquake in 2007 left 250 , 000 people homeless .
the genealogy of jesus is in matthew 01 : 01 - 17 .
the nativity event of the birth of jesus is in luke 02 : 01 - 07 .
john the baptist is in mark 01 : 01 - 08 .
the temptation of jesus is an event in matthew 04 : 01 - 11 , mark 01 : 12 - 13 , and luke 04 : 01 - 13 .
marriage at cana is a miracle in john 02 : 01 - 11 .
manuel pellegrini replaced on the date of appointment 2 november 2010 .
the team for the position in table 19th is almería .
the manner of departure for the team racing santander is sacked .
the date of appointment for the team osasuna is 14 february 2011 .
the team that the replaced by is miroslav đukić is hércules .
episode 6 of restaurant express is titled " the truck stops here ! " .
episode 7 was called " vegas or bust " .
the naacp image award for outstanding supporting actor in a motion picture was not awarded in 1971 .
the 1975 naacp image award for outstanding supporting actor in a motion picture was not awarded .
in 1982 moses gunn won the naacp image award for outstanding supporting actor for the movie ragtime .
denzel washington received the naacp image award for outstanding supporting actor in 1992 .
the winner of the naacp image award for outstanding supporting actor was morgan freeman for the motion picture amistad .
the naacp image award for outstanding supporting actor wasn ' t awarded in 1974 .
in 1973 supporting actor not awarded .
redd foxx was a supporting actor in a movie in 1970 .
the population that has an area of 715 . 58 is 791 . 0 .
caral , norte chico of peru were founded in 2627 bc .
the nba team in boston , massachusetts are the celtics .
denver , colorado has hosted teams from all four major league sports since 1995 .
the miami metro area hosts the dolphins and the marlins .
philadelphia , pennsylvania , the metro area that is 4th in the media market rankings , have hosted teams from all four major leagues since 1967 .
the san francisco bay area , california , hosts the sharks , a nhl team from san jose .
kelly and brendan were safe , but john and nicole were eliminated .
lisa carrington won gold in k - 1 200 m .
krisztina fazekas zur won silver with a time of 4 : 13 . 470 .
the australia team of joanne brigden and hannah davis won bronze with a time of 38 . 369 .
anne knorr won gold , berenike faldum won silver , and alíz satudi won bronze .
k - 1 4x200 m relay was an event at the 2011 icf canoe spring world championships .
john f . amodeo first served as the representative for district 2 of the new jersey general assembly in 2008 .
celeste riley served first in district 3 in 2009 .
the ncbi accession number of the homo sapiens species is nm_014157 . 3 / np_054876 . 2 .
the common name for the felis catus species is cat .
shi dongpeng competed in the 110 m hurdled at the 2001 asian junior championships .
shi dongpeng won the asian championships in manila , philippines .
in 2007 , in osaka , japan , shi dongpeng competed in the 110 m hurdles .
in the 2010 world indoor championships , shi dongpend earned a 7 . 82 time .
shi dongpeng competed in istanbul , turkey in 2012 .
michael katleman directed the episode " hammers and veils " .
amy sherman - palladino directed the episode with production code 227451 .
the original air date for the episode directed by kevin dowling is april23 , 2002 .
in 2007 , the national cheerleading championship team up pep squad won runner - up .
the altas perp squad got a 53 . 5 in tosses and 69 . 5 in pyramids at the 2007 national cheerleading championship .
ateneo blue babble batallion had 50 stunts and 47 tosses .
mike loach plays for the n . y . islanders .
the nhl team that has peter strom is montreal canadiens .
keith mccambridge used to play for the swift current broncos ( whl ) .
the date of appointment for the manager of the 23rd team was 2 september 2008 .
the kurla express train runs daily to lokmanya tilak ( i ) mumbai .
train number 12243 / 12244 is called duronto express .
heading to chennai , the nilgiri express runs daily .
train number 12671 / 12672 has a daily frequency .
the intercity express is a daily train .
the category for train number 16609 / 16610 is express .
train tuticorin express has destination tuticorin .
the ac express is numbered 22475 / 22476 .
richard vanquelef is from france .
pierre vermeulen is from the netherlands .
when stacy schneider is the candidate 10 fired in week 2 ( 3 - 6 - 2006 are the results .
train no . 12621 / 2622 has a origin and destination of chennai and new delhi , train name was tamil nadu express
train no . 11028 / 11027 name of the train is mumbai mail has origin and destination of chennai to mumbai
henry hyde in is illinois 6
obama received 49 . 3 % of votes while mccain received 50 . 7 % in adair , missouri in the 2008 presidential elections .
obama received 3271 votes while mccain received 4833 in bates , missouri in the 2008 presidential elections .
during the united states presidential election in 2008 , barack obama earned 29 . 8 % of the vote in bollinger county , missouri , with a total of 1 , 690 votes .
in boone county , missouri , obama received 47 , 062 votes while mccain received 36849 in the 2008 presidential elections .
obama received 7850 votes , 40 . 8 % of the 19239 votes in callaway county , missouri in the 2008 presidential elections .
in cedar county , 2060 votes were casted for obama while 4194 were for mccain in the 2008 presidential elections .
incumbent albert is rains from alabama 5 .
tonmawr played 22 games and won 20 games .
the tries against when the drawn was 2 was 36 .
corus rfc played 22 games and drew 1 game .
the won when the points for was 496 was 12 .
narberth rfc got 407 points for .
the losing bonus when the points against was 445 was 4 .
bridgend raven and had 46 club points .
in wru dividion one west , swmllynfell played 22 games .
the was drawn 0 when the tries against was 89 .
the date of the vacancy , that davy fitzgerald replaced , was 5 june 2008 .
the date of appointment for the replacement for outgoing manager damien fox is 24 june 2008 .
team galway ' s replacement ' s date of appointment is 11 november 2008 .
galway has the outgoing manager john meyler .
frank r . reid ( r ) 68 . 9 % edwin l . wilson ( d ) 31 . 1 % were the candidates in the 1922 entry .
the team watford is 21st position in table
henry hyde ( r ) 67 . 0 % mario reymond reda ( d ) 33 . 0 % were featured in the 1974 election .
incumbent phil crane was first elected in 1969 . 0 .
the result of the election when someone was first elected in 1960 was re - elected .
john tracy was the director for the episode airing on september 24 , 1993 .
sheila m . anthony wrote the episode " car wars " .
27 . 48 million tuned into the show directed by matt earl beesley .
the result of the election in which lindley beckworth was the incumbent was re - elected .
the final result for les aspin was re - elected .
jim moody ( d ) 64 . 2 % helen i . barnhill ( r ) 35 . 8 % were the candidates that ran when jim moody was up for reelection after 1982 .
the episode with production code k0122 was directed by jace alexander .
the airdate of the episode with production code k0120 was february 28 , 1996 .
the title of the episode directed by mark tinker is " piece of my heart " .
mindy schneider wrote the episode directed by patrick duffy that aired on november 7 , 1997 .
incumbent barratt o ' hara was first elected in 1948 . 0 .
sid simpson represents republican .
paul holahan directed episode 53 in the series .
bcw404 directed by robert duncan mcneill .
10 . 0 had bcw410 as a production code .
" the northern uprising " was 2nd in the season .
keith gordon directed episode 28 in the series .
john dahl directed " go your own way " .
the result when incumbent fred e . busbey was elected was lost re - election democratic gain .
the result when leo e . allen was elected was re - elected .
the results for the district oklahoma 3 was re - elected .
the results when the incumbent was ernest istook was re - elected .
the party when the candidates were ernest istook ( r ) 69 % garland mcwatters ( d ) 28 is republican % ?
the results for the district oklahoma 5 were re - elected .
philippe jeannol had 219 appearances during the period 1984 - 1991 .
virginia 5 ' s incumbent representative was john randolph .
regina stewart wrote the episode that originally aired on january 15 , 1993 .
the name of episode number 77 in the series is " number one with a bullet .
the episode title for number 7 in the season is " that night , a forest grew " .
the name of the episode directed by jessica yu was " invest in love " .
stephen cragg directed the episode written by shonda rhimes .
the result of the election when clarence f . lea was the incumbent was re - elected .
the race between john i . nolan ( r ) 87 % thomas f . feeley ( s ) 13 was california % ?
the net seat gain in the race john a . elston ( r ) 88 . 4 % luella twining ( s ) 11 . 6 % was re - elected as republican republican gain .
kika de la garza is the incumbent in district texas 15 .
the 23rd show in the season originally aired on may 10 , 2007 .
michael bilirakis is the incumbent of florida 9 .
charles canady ' s the incumbent of florida 12 district .
the election in the florida 14 district end by re - elected .
marilyn lloyd is the incumbent that is listed with the candidates listed as marilyn lloyd ( d ) 57 . 4 % harold w . coker ( r ) 42 . 6 % .
democratic is associated with the person who was first elected in 1982 .
you would find the candidates listed as jim cooper ( d ) unopposed in tennessee 4 .
the results for the candidates listed as bart gordon ( d ) 76 . 5 % wallace embry ( r ) 23 . 5 % was re - elected .
lindsey graham ( r ) 68 % george brightharp ( d ) 31 % are the candidates when the incumbent is lindsey graham .
the party with the incumbent jim demint is republican .
the party for the district south carolina 4 is republican .
the party when candidates is jim demint ( r ) 80 is republican % ?
the original air date of an episode from season 18 was march 29 , 2006 .
the district who had their first elected in 1966 was texas 8 .
richard c . white ( d ) unopposed was the candidate when the incumbent was richard c . white .
ed derwinski ( r ) 68 . 0 % melvin w . morgan ( d ) 32 . 0 % were the candidates when the incumbent was ed derwinski .
the party when the incumbent is sidney r . yates is democratic .
the series number of " say uncle " is 130 .
the episode written by david mamet is " a wasted weekend " .
incumbent jack is hightower from texas 13 .
ron paul won the district of texas 22 .
howard adler and robert griffard wrote the episode that originally aired on april 29 , 1994 .
r . j . colleary wrote the episode " sister act " .
the title of the 56th episode of the series was " sister act " .
the title of the episode written by julia newton , the 48th episode of the series , was " the apartment " .
republican is texas 3 .
the incumbent of texas 3 was james m . collins .
name the result retired democratic hold the incumbent was george h . mahon
the incumbent for texas 19 was george h . mahon .
" a family thing " had 8 . 16 million viewers in the us .
paul ryan ( r ) 66 % jeffrey thomas ( d ) 34 % were the candidates in the district first elected in 1998 whose incumbent ended up being paul ryan .
the round where winners from the previous round totals 8 is quarter finals .
13 . 00 million viewers in the u . s . watched the episode " cold reveal . "
the incombent re - elected who was elected in 1980 .
the background of the candidate daniel phillips is advertising account manager .
charlene seeger wrote season 23 .
in episode 117 , jack and locke were the featured characters .
stellendam , netherlands is the birthplace of ab klink .
albert jennings fountain served in the union army .
the united states army was involved in battles in the spanish - american war .
the alhambra had wrecked .
the leader of germany is stanislaw tillich .
alaa abdul - zahra ' s club is sanat mes kerman f . c .
gábor kubatov is the chairman of ferencvárosi tc .
aleksandra kovač ' s genre is soul music .
hip hop music originated from funk music .
107 camilla was discovered by a storrs .
abner w . sibal serve in the united states army which took part in the korean war .
alfred n . phillips was part of the u . s . house of representatives and he was born in connecticut .
former clubs of the footballer alan martin include hamilton academicals fc and leeds united fc .
abradab was born in katowice , poland .
rhythm and blues artist anders osborne performs under the shanachie records label .
the epoch date of 1097 vicia is 2006 . 12 . 31 and has a periapsis measurement of 279142000000 . 0 .
the alvis speed 25 has a straight - six engine and an impressive transmission .
born in the kingdom of sarawak , abdul taib mahmud , resides in sarawak and is a member of barisan ra ' ayat jati sarawak party .
albert jennings fountain was born in staten island in new york . he died in the u . s .
101 helena ( mass 3 . 0kgs ) has an escape velocity of 0 . 0348 kilometres per second and its apoapsis is 441092000 . 0 ( kms ) .
black metal is a genre of aaron turner ' s music and death metal is a musical fusion of black metal .
the musician andrew white ' s genre is alternative rock , which has origins in new wave music and nu metal is a music fusion genre of alternative rock .
the abarth 1000 gt coupé is a two door coupé with a wheelbase of 2160 millimetres and a with of 1 . 55 metres .
the ela - 3 is found at the guiana space centre whose hq is in french guiana . one craft launched there was the ariane 5 .
alessio romagnoli plays in the club a . c . milan whose manager is siniša mihajlović . he ' s alos in the italy national under 16 ' s football team .
akeem ayers was born july 10 , 1989 and debuted with the tennessee titans . he has played for the st . louis rams .
the epoch of 1001 gaussia ( formerly known as 1923 oaa907 xc ) is 31 july 2016 . it was discovered by sergey belyavsky and has a periapsis of 419113394 . 55312 ( kilometres ) .
montreal locomotive works built the alco rs - 3 between may 1950 and aug . 1956 . it has a v12 engine and diesel - electric transmission .
audi , owned by ducati , was founded by august horch and includes audi e - tron . it makes the audi a1 .
singer and pop musician aleksandra kovac was born 1972 , in belgrade .
allen forrest performs hip hop music which comes from disco and funk . drums and bass get their sounds from hip hop music .
agnes kant , a netherlands national , worked at the house of representatives in netherlands . she is a member of the socialist party in the netherlands , the leader of which is , mark rutte .
aidastella was built by meyer werft , owned by costa crociere , the parent company of which is , carnival corporation & amp ; plc . aidastella is operated by aida cruises which is located in germany .
the a rosa luna was built on the neptun werft , located in rostock , germany . germany ( whose capital city is berlin ) is led by joachim gauck .
107 camilla , which has the epoch 31 december 2006 and an orbital period of 2368 . 05 days , was discovered by c woods . the periapsis measurement is 479343000 . 0 kms and the apoapsis 560937000 . 0 km .
alberto teisaire was born in mendoza in agentina , on 1891 - 05 - 20 . a rear admiral by profession , alberto teisaire , worked as the provisional president of the argentine senate . isaac rojas was the successor to alberto teisaire .
alfred garth jones was born in manchester and died in sidcup , london . the leader of london is the european parliament , and the leader of manchester is the labour party ( uk ) .
alfredo zitarrosa died in montevideo , uruguay . daniel martinez is a political leader in montevideo , and raul fernando sendic rodriguez is a leader in uruguay , where spanish is spoken .
the name of the runway at atlantic city international airport is " 13 / 31 " .
the building of 320 south boston building started in 1910 .
a leader in the united kingdom is elizabeth 11 .
the secret scripture is published by faber and faber .
italy ' s leader is sergio mattarella .
elliot see died on 28 february , 1966 .
925 is the area code of antioch , in california .
arros negre is from the region of catalonia .
malay is the ethnic group of malaysia .
atlantic city is located in atlantic county , new jersey , united states .
meringue is one of the main ingredients of a baked alaska , baked alaska originates from the united states .
agra airport is in uttar pradesh , awadh .
jorge humberto rodriguez manages a . d . isidro metapan . he plays for fc dallas .
a long long way was published in print & amp ; paperback and has the oclc number 57392246 .
april o ' neil was created by peter laird , from the us .
adare manor ' s architect was george richard pain and it was completed in 1862 .
the aids journal comes under the academic discipline hiv / aids and has the issn number 0269 - 9370 .
the capital city of the united states is washington d . c . some asian americans live in the united states and a wizard of mars was published there .
massimo drago has been the manager of a c cesena but currently plays for us castrovillari calcio and ss chieti calcio .
anandiben patel is the leader of gujarat , the location of amdavad ni gufa in ahmedabad .
the united states , which has the capital city of washington dc , is also the location of attica , part of fountain county in indiana .
atlantic city international airport is located at egg harbor township , new jersey , part of atlantic county , new jersey , in the united states .
sponge cake is one of the ingredients of baked alaska which comes from the region of new york and france .
batchoy is a dish from the philippines , where arabic is spoken and where one of the ethnic groups is the igorot people .
the owner of 3arena , dublin , leinster , republic of ireland is live nation entertainment .
the capital of turkey is ankara and the leader is ahmet davutoglu . turkey is the location of the bronze ataturk monument .
albuquerque , new mexico is located in the united states and asian americans are an ethnic group there . john sánchez , is one of the leaders , in the new mexico senate which is leading the state .
peter stöger is the manager at 1 . fc köln . he is a former player of sk vorwärts steyr , fc admira wacker mödling and fk austria wien .
al - taqaddum air base serves the city of fallujah in iraq . the country is led by haider al - abadi and uses the kurdish languages .
barack obama is the leader of the united states where a wizard of mars was published . the book is in english , which is spoken in great britain .
pietro grasso and sergio mattarella are leaders of italy , where the capital is rome . arrabbiata is a sauce found in italy .
beef kway teow is a dish commonly found in indonesia . the same dish is found in singapore , where halimah yacob is a leader and standard chinese is the language spoken .
barack obama is the president of the us where there are many asian americans and the capital is washington d . c . 1634 the ram rebellion was written in the u . s and is preceded by 1634 : the galileo affair .
auburn is part of lee county in alabama in the u . s . the capital of the u . s . is washington , d . c . and native americans are one ethnic group in that country .
gus poyet is in the real zaragoza club and previously played for chelsea fc . he now manages aek athens who have their home ground at the olympic stadium ( athens ) at marousi .
italy is the country amatriciana sauce comes from . the capital of the country is rome , the language spoken is italian and the leaders include matteo renzi and laura boldrini .
the lockheed ac - 130 can be found on usaf aircraft carriers and the boeing c - 17 globemaster iii is a transport aircraft of the united states air force . the airforce also has the aircraft fighter the general dynamics f - 16 fighting falcon . the 1986 united states bombing of libya was carried out by the united states air force which now operates al asad airbase .
marriott international was founded in washington , d . c . and is the tenant of ac hotel bella sky copenhagen which is in denmark where greenlandic is one of the languages spoken there . bill marriott is one of the key employees of marriott international .
buzz aldrin was born on 20th january 1930 in glen ridge new jersey . he graduated from mit in 1963 and was a member of the apollo 11 crew , operated by nasa . the back up pilot was william anders .
the school of business and social sciences at the aarhus university is located in aarhus , denmark and it was established in 1928 . its dean is thomas pallesen and it has 16 , 000 students . its latin name is " universitas aarhusiensis " . it is affiliated to the european university association .
adam holloway ' s residence is gravesend .
allan shivers had the successor price daniel .
the ship aidastella is operated by aida cruises .
the aston martin v8 is a convertible .
abel hernandez ' s club is the uruguay national football team .
aleksandre guruli plays for fc samtredia .
aaron deer has been signed to the record label kill rock stars .
allen forrest plays pop music .
( 410777 ) 2009 fd has an absolute magnitude of 22 . 1 .
110 lydia has an epoch date of december 31st 2006 .
airey neave was involved in the battle of france in which hugo sperrle was a commander .
abel hernandez played for the club penarol , which was managed by jorge orosmán da silva .
alex tyus plays for the club , maccabi tel aviv b . c which is in the turkish basketball super league .
alex day plays synthpop , which originated from new wave music .
( 410777 ) 2009 fd has an apoapsis of 259776702 . 47055 kilometres and a minimum temperature of 211 . 0 kelvins .
the aidastella is operated by aida cruise line , which is located in germany .
atlas ii , which is 3 . 04m in diameter , had its final flight on march 16th 1998 .
adam koc , who was born in congress in poland , fought in the polish soviet war in which leon trotsky was a commander .
albert jennings fountain was born in the united states and fought in the american civil war . a commander in that war was abraham lincoln .
109 felicitas has an epoch date of 31 december 2006 , a mass of 7 . 5 kg and an orbital period of 139705000 . 0 .
aleksandra kovač , whose musical genre is pop , is in same band with kornelije kovač and is associated with the musical artist bebi dol .
aaron bertram , whose musical genre is ska punk , plays for the suburban legends band . ska punk originated from ska music .
the antares rocket , manufactured at the yuzhnoye design office , is comparable to the us delta ii .
former los angeles rams team member , akeem ayers , was number 39 in the draft pick , in draft round 2 .
aleksandr chumakov ' s club was fc torpedo moscow . the club , which is managed by valery petrakov , played the 2014 – 15 season in the russian premier league .
aleksandre guruli , who was born in batumi , is 178 . 0 centimetres tall . he is in the fc zestafoni club and plays for fc karpaty lviv club .
1089 tama has an orbital period of 1202 . 846 days and its epoch date was on 26 november 2005 . it has an apoapsis of 373513000 . 0 kilometres and its escape velocity is 0 . 0068km / sec .
the alfa romeo 164 , assembled in italy , has a v6 engine . it is a related mode of transportation with the saab 9000 and the fiat croma .
the atlas ii is from the united states , where one of the ethnic groups is african americans . washington d . c . is the capital of the united states and the inhabitants are called americans .
alison o ' donnell , who performs jazz , once was signed to deram records and another time to fruits de mer records . london is the home to deram records .
adenan satem was born in japanese occupied british borneo . his successor was abdul taib mahmud , who , resides in sarawak and is a member of the " barisan ra ' ayat jati sarawak " party .
albert jennings fountain was born in staten island , new york . he died in the new mexico territory in the u . s .
yuzhnoye design office created the antares rocket whose initial flight took place july 13 , 2014 at the mid - atlantic regional spaceport launch pad 0 . the rocket is 3 . 9 m in diameter and took its last trip on oct . 28 , 2014 .
aleksandr prudnikov has played for the clubs fc terek grozny ( based in grozny ) , where the manager was rashid rakhimov and fc spartak moscow , whose chairman is sergey rodionov .
abraham a . ribicoff was born in connecticut , united states , where he became governor . he was a member of the democratic party in the united states . he died in the united states .
aaron turner , whose origin is the united states , started performing in 1995 . aaron turner ; performs black metal music , played for old man gloom and is a musician in the lotus eaters band .
andrew rayel has performed the genre of trance music which has its stylistic origins in pop music . he andrew rayel has been associated with the following musical artists : bobina , armin van buuren , bobina , mark sixma , jonathan mendelsohn , christian burns , jwaydan , alexander popov , jano , alexandre bergheau , jonny rose , sylvia tosun , lira yin and alexandra badoi .
the pub blue spice is based near crowne plaza hotel and has a high customer rating of 5 out of 5 .
blue spice is a family friendly chinese restaurant in riverside near the rainbow vegetarian café .
cocum is a coffee shop located a few steps of the rice boat .
there is an adult only fast food pub giraffe located in the centre of the city near rainbow vegetarian café .
located near to the rainbow vegetarian café is the restaurant the giraffe . it does not allow children .
green man is a family - friendly pub just north of the city center . it is located on the river , just east of the express by holiday inn .
the green man is a non family friendly restaurant which is located next to the express by holiday inn .
there is a pub in the city centre called the strada .
the cricketers is a high - priced restaurant near the all bar one in riverside . the cricketers offers coffee and chinese food ; it is child friendly and has a low customer rating .
the cricketers is a family restaurant near the avalon with a rating 1 out of 5
there is a restaurant called the cricketers that provides chinese food in the price range of £ 20 - £ 25 it is in the city centre near all bar one and isn ' t kids friends .
the cricketers restaurant specializes in providing chinese food at cheap prices while garnering a customer service rating of 5 out of 5 , located in the city centre , the cricketers is family friendly and is near the all bar one .
the cricketers is a restaurant serving chinese food in the city centre near all bar one . it ' s price range is high and has an average customer rating . it ' s suitable for children .
the cricketers is a not kids friendly chinese restaurant located near all bar one in city centre , with 3 out of 5 customer rating and moderate price range .
near café rouge is a restaurant called the cricketers . they are kid friendly and have a rating of 1 out of 5 . the prices of their english food can be high .
the cricketers is a not so children friendly english restaurant located in the city centre which has a high price range and customer rating of 1 out of 5 near café rouge
located near express by holiday inn , the cricketers , is an overly priced restaurant that the whole family will enjoy .
in the city centre , there is a coffee - shop called the mill . it offers a children friendly fast - food alternative to nearby café sicilia . however , it falls within a high price range , and is only rated 1 out of 5 from customers .
the mill is a pub providing food in the low range price . it is family friendly and is located near café sicilia .
near the raja indian cuisine in riverside with a price range of 20 £ - 25 and is kids friendly is a fast food pub called the mill
for a cheap pub in riverside go to the mill . it ' s family - friendly near raja indian cuisine and serves fast food .
the mill is an inexpensive pub that is unfortunately not family friendly . located north of the city center . beside the river , their 1 - star fast food is competing against the close by café sicilia .
the mill in riverside with a price range of £ 20 - 25 and is kids friendly is near the raja indian cuisine is a fast food pub
the mill located in centre city very close of café sicilia , is a pub with a high price range
the riverside area near café rouge has a restaurant that is kids - friendly . it has a price range in the mill . i give the food a 3 out of 5 .
the mill ' is a restaurant that serves expensive british food . it is located near raja indian cuisine .
the mill is a restaurant the is moderate price range that serves english food , not kid friendly and has a customer rating of 1 out of 5 near café rouge by the riverside area .
the mill is a fast food restaurant providing take - away deliveries in the high price range . it is located after café sicilia .
the mill is kid friendly but moderately expensive but not highly rated restaurant near café rouge .
the phoenix is a comfortable pub that is within city centre limits , next to the raja indian cuisine pub .
the phoenix pub is a low priced restaurant in the city centre , east of crowne plaza hotel . you can eat - in or take - out . not family friendly .
there is a moderately priced pub the phoenix in the city centre near raja indian cuisine . it is not family - friendly but they serve fast food .
the phoenix is a moderate french pub near crowne plaza hotel in city centre . it is not kid friendly and has a 1 out of 5 rating .
the phoenix is a cheap adult pub in the city centre near crowne plaza hotel . they serve french food and have great reviews .
the phoenix is a pub that sells french food for moderate prices . it has a 1 out of 5 rating and it is kids friendly . it is located in the city centre near crowne plaza hotel .
the phoenix is a cute pub serving french food . the prices are average and the pub setting is child friend . you will find the phoenix in the riverside area near crowne plaza hotel .
the phoenix is a high price pub located by raja indian cuisine .
there is an expensive - priced pub located close to crowne plaza hotel called the phoenix .
a restaurant with fast food , near raja indian cuisine on the riverside is family friendly and less than 20 euros is known as , the phoenix .
located riverside near crowne plaza hotel , and offering outstanding , cheap indian food , the phoenix is an adult friendly restaurant .
the phoenix is a inexpensive 5 star family restaurant located near crowne plaza hotel .
there is a pub the plough located riverside near raja indian cuisine . they are not children friendly .
the plough is a chinese restaurant and restaurant in the riverside area near raja indian cuisine . it is family friendly and has cheap pricing .
near raja indian cuisine there is a pub called the punter in riverside
the punter is a pub located in the city centre near raja indian cuisine . it serves high - priced english food in a non kid - friendly environment .
the punter is a non family friendly restaurant in riverside , near raja indian cuisine . it serves chinese food for less
the punter is a restaurant type restaurant located in the city centre with a high price , with a bad kids friendly atmosphere . it offers english food and is located near raja indian cuisine .
an indian food restaurant in city centre is the punter . it is near express by holiday inn . it has average customer ratings , is cheap , and kid friendly .
there is a restaurant near the city centre and express by holiday inn called the punter . it is both rated low and in the low price range , serves indian food , and is not family friendly .
the punter is a restaurant providing indian food in the more than £ 30 price range . it is located in the city centre . it is near express by holiday inn . its customer rating is high .
for cheap italian food at a place that isn ' t family - friendly and has an average customer rating , visit the punter restaurant . it is located in the city centre near rainbow vegetarian café .
in the city centre there is a cheap restaurant with average customer ratings . it ' s called the punter and is family - friendly , located near rainbow vegetarian café .
the vaults is a pub in riverside , near the rainbow vegetarian cafés , that offers low pricing for less than superior service .
the vaults pub is a cheap 1 star sushi restaurant . it ' s located in city centre , east of raja indian cuisine . not family friendly . it offers deliveries , take - out and eat - in .
there is a moderately priced pub serving french food called the vaults . it is in the city centre close to raja indian cuisine , it is kids friendly .
the vaults is an italian pub near rainbow vegetarian café , in city centre . it has a 3 out of 5 star rating , it ' s family friendly , but the food is pricey .
italian pub , ' the vaults ' , is located in the city center near rainbow vegetarian café . the customer reviews are not great but the prices are reasonable and it has a child - friendly environment .
low rated japanese pub , the vaults is priced moderate near raja indian cuisine in city centre .
the vaults is a japanese pub near raja indian cuisine in the riverside area . it has a 5 out of 5 customer rating , cheap food and isn ' t family - friendly .
the vaults is a japanese pub near raja indian cuisine in the riverside area . it has a price range of less than 20 pounds and a low customer rating , but it is family - friendly .
the vaults is a high priced , high quality pub that provides sushi . it is family friendly and is located near raja indian cuisine and the riverside .
the vaults is an average - priced pub near raja indian cuisine , by the river . kids welcome .
the vaults restaurant serves french food in the city centre near raja indian cuisine and is moderately priced
the vaults is a restaurant which sells fine foods at moderate prices . they welcome families and are just east of raja indian cuisine on the river
the waterman is an indian pub and pub located in the riverside area near the raja indian cuisine . prices are in the high range and it is not child friendly .
the waterman is a pub with italian food . it is not children friendly . located near the raja indian cuisine , its price range is high , though located riverside .
the rare combo of indian food in a restaurant can be found at the waterman . the price is high , but it is children friendly . the waterman is near raja indian cuisine in the city centre .
on city centre there is a restaurant that sells italian named the waterman food has a high price and close to raja indian cuisine
the wrestlers is a low - priced coffee near raja indian cuisine that provides sushi and is not family friendly .
the wrestlers is a moderately priced italian pub that is kids friendly near raja located in riverside .
the wrestlers is a pub providing japanese food in the moderate price range . it is located in the city centre near to raja indian cuisine and the customer rating is 1 out of 5 . friendly for kids .
the wrestlers is a pub providing sushi in the low price range . it is located near raja indian cuisine .
located in the centre of the city , close to raja indian cuisine , the wrestlers is a restaurant offering italian food .
the wrestlers is a restaurant with a moderate price range that has japanese food and is located in city centre near raja indian cuisine and is not kid friendly .
there is an average priced restaurant near raja indian cuisine called the wrestlers .
wildwood is a pub located in riverside area near raja indian cuisine . it serves italian food and it is not family - friendly .
a pubpe that serves italian food located at riverside near raja indian cuisine and is not kid friendly is wildwood .
